"""Secrets, and the first use of what is read from them: the trust store and one request."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from component.fakes import settings as documents

from fuzz.damage import json_tree
from fuzz.device import CA_BUNDLE, Device, in_memory
from fuzz.targets import ACCEPTED, MARKER
from vmseries_autoscale import secret_store
from vmseries_autoscale.aws import clients
from vmseries_autoscale.errors import SecretError
from vmseries_autoscale.pan_os import tls
from vmseries_autoscale.panorama.client import PanOsPanorama

_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama-AbCdEf"
_LICENSING = {"api_key": f"{MARKER}-licensing"}
_EXAMPLES: tuple[dict[str, str], ...] = (
    {"username": "autoscale", "api_key": f"{MARKER}==", "ca_bundle": CA_BUNDLE},
    {"username": "autoscale", "password": f"{MARKER} pass", "ca_bundle": CA_BUNDLE},
    {"username": "autoscale", "api_key": f"{MARKER}=="},
)


@dataclass(frozen=True)
class SecretCase:
    """A secret, as Secrets Manager returns it.

    Attributes:
        field: ``SecretString`` or ``SecretBinary``; or the name of the error that is raised.
        licensing: Whether it is read as the licensing API key.
    """

    field: str
    licensing: bool
    value: str


class Secrets:
    """Both readers of secrets."""

    name = "secrets"
    named_errors: tuple[type[Exception], ...] = (SecretError,)

    def make(self, rng: Random) -> SecretCase:
        licensing = rng.random() < 0.25
        # Seldom the one without ca_bundle: to load the system's certificates takes 40 ms.
        administrator = rng.choices(_EXAMPLES, (9, 9, 2))[0]
        example = json.dumps(_LICENSING if licensing else administrator)
        value = json_tree.damaged(rng, example, json.dumps(rng.choice(_EXAMPLES)))
        field = "SecretString"
        if rng.random() < 0.05:
            field = rng.choice(("SecretBinary", "AccessDeniedException", "DecryptionFailure"))
        return SecretCase(field, licensing, value)

    def read(self, case: SecretCase) -> str:
        # Both cache: the readers of secrets, and the client's own cache of TLS contexts, if any.
        secret_store.clear_cache()
        with patch.object(clients, "secrets", lambda: _SecretsManager(case)):
            if case.licensing:
                self._use_licensing_key(secret_store.licensing_api_key(_ARN))
                return ACCEPTED
            credentials = secret_store.administrator_credentials(_ARN)
        tls.verifying_context(credentials.ca_bundle, "localhost")
        panorama = PanOsPanorama("localhost", documents.of_panorama(443), credentials)
        with in_memory(Device(), set()):
            panorama.commit("fw: remove 1 firewalls")
        return ACCEPTED

    def _use_licensing_key(self, api_key: str) -> None:
        administrator = secret_store.Credentials("autoscale", "key", None, CA_BUNDLE)
        panorama = PanOsPanorama("localhost", documents.of_panorama(443), administrator)
        with in_memory(Device(), set()):
            panorama.firewall("007951000012345").set_licensing_api_key(api_key)

    def content(self, case: SecretCase) -> str:
        return case.value

    def with_content(self, case: SecretCase, content: str) -> SecretCase:
        return replace(case, value=content)

    def has_secret(self, case: SecretCase) -> bool:
        return True

    def is_planted(self, case: SecretCase) -> bool:
        return not case.value.startswith("{")


class _SecretsManager:
    def __init__(self, case: SecretCase) -> None:
        self._case = case

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        field, value = self._case.field, self._case.value
        if field == "SecretString":
            return {field: value}
        if field == "SecretBinary":
            return {field: value.encode("utf-8", "surrogatepass")}
        raise ClientError({"Error": {"Code": field, "Message": "not allowed"}}, "GetSecretValue")
