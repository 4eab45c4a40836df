"""A secret with an unusable content is one named error, which never quotes a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import SecretError
from vmseries_autoscale.pan_os.tls import verifying_context

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
VALUE = "very-secret-value"


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns a function that puts a new version of the secret."""
    versions: list[str] = []

    class SecretsManager:
        def get_secret_value(self, **_: Any) -> dict[str, Any]:
            return {"SecretString": versions[-1]}

    monkeypatch.setattr(clients, "secrets", SecretsManager)

    def put_version(document: str) -> None:
        versions.append(document)
        secret_store.clear_cache()

    return put_version


def test_a_complete_secret_is_read(put: Any) -> None:
    put(json.dumps({"username": "Jürgen o'Neil", "password": " p&ss=wörd ", "other": "\x00"}))
    credentials = secret_store.administrator_credentials(ARN)
    assert credentials == secret_store.Credentials("Jürgen o'Neil", None, " p&ss=wörd ", None)
    put(json.dumps({"api_key": "k" * 4000}))
    assert secret_store.licensing_api_key(ARN) == "k" * 4000


@pytest.mark.parametrize(
    "document",
    [
        "[" * 200_000,
        '{"a":' * 200_000,
        f'{{"api_key": {"9" * 5000}}}',
        f'{{"username": "a", "api_key": "{VALUE}", "n": {"9" * 5000}}}',
        f'{{"username": "a", "api_key": "{VALUE}", "n": [1]}}',
        f'{{"username": "a", "api_key": "{VALUE}", "n": NaN}}',
        f'{{"username": "a", "api_key": "{VALUE}"',
        f'{{"username": "a", "api_key": "{VALUE * 5000}"}}',
        f'{{"username": "a", "api_key": "{VALUE}", "password": "{VALUE}"}}',
        f'{{"username": "a", "API_KEY": "{VALUE}"}}',
        f'"{VALUE}"',
        f'["{VALUE}"]',
        VALUE,
        "",
        "null",
        "\ufeff{}",
    ],
    ids=lambda document: repr(document[:30]),
)
def test_a_document_that_is_not_a_json_object_of_strings_is_a_named_error(
    put: Any, document: str
) -> None:
    """M5: deep documents and huge numbers."""
    put(document)
    for read in (secret_store.administrator_credentials, secret_store.licensing_api_key):
        if read is secret_store.licensing_api_key and '"password"' in document:
            continue  # The licensing API key's secret may have other keys.
        with pytest.raises(SecretError) as raised:
            read(ARN)
        assert ARN in str(raised.value)
        assert VALUE not in str(raised.value)
        assert len(str(raised.value)) < 300


@pytest.mark.parametrize("key", ["username", "api_key", "password"])
@pytest.mark.parametrize(
    "value",
    ["", "\x00", f"{VALUE}\n", f"{VALUE}\r\nX-Header: 1", f"{VALUE}\t", "\ud800", "\u202e", "\x7f"],
)
def test_a_value_that_cannot_be_sent_is_an_error_with_the_name_of_its_key(
    put: Any, key: str, value: str
) -> None:
    content = {"username": "autoscale", "api_key": VALUE, key: value}
    if key == "password":
        del content["api_key"]
    put(json.dumps(content))
    with pytest.raises(SecretError, match=f"the value of {key} ") as raised:
        secret_store.administrator_credentials(ARN)
    assert VALUE not in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "ca_bundle",
    [
        "",
        " ",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\né\n-----END CERTIFICATE-----\n",
        "zertifikat für panorama",
        "\ud800",
        "\x00",
        "x" * 60_000,
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_ca_bundle_that_is_not_in_pem_format_is_a_named_error(ca_bundle: str) -> None:
    """M4: the empty string and text that is not ASCII."""
    with pytest.raises(SecretError, match="ca_bundle"):
        verifying_context(ca_bundle)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["username", "api_key", "password", "ca_bundle"]) | st.text(), inner
            )
        ),
        max_leaves=10,
    ).map(json.dumps)
)
def test_any_document_is_credentials_or_a_named_error(put: Any, document: str) -> None:
    put(document)
    try:
        credentials = secret_store.administrator_credentials(ARN)
    except SecretError:
        return
    assert credentials.username
    assert (credentials.api_key or credentials.password or "").isprintable()
