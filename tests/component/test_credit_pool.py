"""The credit pool: its client against the lab's API, and what runs and the pre-flight tell."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from component.fakes import lab_panorama
from component.fakes.cloud import Cloud
from component.fakes.functions import become_reconcile
from component.fakes.logs import Logs, metrics
from component.fakes.panorama import FakePanorama
from component.fakes.runtime import FakeContext
from component.fakes.steps import run
from vmseries_autoscale import bounded_https
from vmseries_autoscale.credit_pool import CreditPoolClient
from vmseries_autoscale.credit_pool import client as client_module
from vmseries_autoscale.errors import CreditPoolError, SecretError
from vmseries_autoscale.secret_store import CreditPoolCredentials
from vmseries_lab.core.world import World
from vmseries_lab.credit_pool import CLIENT_ID, CLIENT_SECRET, POOL_ID
from vmseries_lab.licensing_api import AUTH_CODE
from vmseries_lab.net.https import Request, Response

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:credits"


@dataclass
class Site:
    """The lab's credit-pool API."""

    world: World
    vendor: Any
    requests: list[str]

    def credentials(self, **changes: Any) -> CreditPoolCredentials:
        content = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "auth_code": AUTH_CODE,
            "ca_bundle": self.vendor.authority.pem,
        }
        return CreditPoolCredentials(**{**content, **changes})

    def client(self, **changes: Any) -> CreditPoolClient:
        return CreditPoolClient(self.credentials(**changes))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    world = World()
    with lab_panorama.installed(world) as vendor:
        site = Site(world, vendor, [])
        real = socket.getaddrinfo

        def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
            if (served := world.hosts.get(f"{host}:{port}")) is None:
                return real(host, port, *rest, **more)
            if host in (client_module.IDENTITY_HOST, client_module.API_HOST):
                site.requests.append(str(host))
            address, _, at = served.rpartition(":")
            return real(address, int(at), *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        yield site


def test_one_token_serves_three_requests_of_a_run(site: Site) -> None:
    serial = site.vendor.licensing.activate(AUTH_CODE, "UUID", "CPU")
    client = site.client()
    assert client.pool(POOL_ID).available == pytest.approx(2000 - 100 * 13.68)
    assert client.serials(AUTH_CODE) == {serial}
    assert client.profile(AUTH_CODE).firewalls is None
    assert site.requests == [client_module.IDENTITY_HOST, *[client_module.API_HOST] * 3]


@pytest.mark.parametrize(
    ("answer", "firewalls"), [("without-quantity", None), ("with-quantity", 100)]
)
def test_the_api_may_show_for_how_many_firewalls_a_profile_is(
    site: Site, answer: str, firewalls: int | None
) -> None:
    site.world.assumptions.set(**{"deployment-profile-fields": answer})
    assert site.client().profile(AUTH_CODE).firewalls == firewalls


@pytest.mark.parametrize(("answer", "listed"), [("keeps-returned", 1), ("drops-returned", 0)])
def test_the_api_may_list_firewalls_that_returned_their_licenses(
    site: Site, answer: str, listed: int
) -> None:
    site.world.assumptions.set(**{"auth-code-serials": answer})
    site.vendor.licensing.return_license(site.vendor.licensing.activate(AUTH_CODE, "U", "C"))
    assert len(site.client().serials(AUTH_CODE)) == listed


@pytest.mark.parametrize(
    "changes", [{"client_secret": "another-secret-of-the-client"}, {"client_id": "nobody"}]
)
def test_rejected_credentials_are_named_and_not_quoted(site: Site, changes: dict[str, str]) -> None:
    with pytest.raises(CreditPoolError, match="client_id or client_secret is wrong") as caught:
        site.client(**changes).pool(POOL_ID)
    assert "another-secret" not in str(caught.value)
    assert CLIENT_SECRET not in str(caught.value)


def test_an_unknown_pool_or_auth_code_is_refused_without_quoting_it(site: Site) -> None:
    for ask in (lambda: site.client().pool("7"), lambda: site.client().serials("D7654321")):
        with pytest.raises(CreditPoolError, match="HTTP 404") as caught:
            ask()
        assert "D7654321" not in str(caught.value)


def test_a_server_that_another_authority_certified_gets_no_credential(site: Site) -> None:
    site.vendor.credits.identity.behave(wrong_certificate=True)
    received: list[Request] = []
    site.vendor.credits.identity.intercept = lambda request, _connection, effect: (
        received.append(request) or effect()
    )
    with pytest.raises(CreditPoolError, match="SSLCertVerificationError"):
        site.client().pool(POOL_ID)
    assert received == []


def test_without_a_ca_bundle_the_trust_store_of_the_system_decides(site: Site) -> None:
    with pytest.raises(CreditPoolError, match="SSLCertVerificationError"):
        site.client(ca_bundle=None).pool(POOL_ID)


def test_a_ca_bundle_in_another_format_is_an_error_of_the_secret(site: Site) -> None:
    with pytest.raises(SecretError, match="ca_bundle"):
        site.client(ca_bundle="no certificate")


@pytest.mark.parametrize("mode", ["refusing", "resetting", "truncating"])
def test_a_server_that_breaks_off_is_named(site: Site, mode: str) -> None:
    site.vendor.credits.identity.behave(mode=mode)
    with pytest.raises(CreditPoolError, match=client_module.IDENTITY_HOST):
        site.client().pool(POOL_ID)


def test_all_requests_together_end_at_the_time_limit(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_SECONDS", 1.0)
    site.vendor.licensing.server.behave(mode="hanging")
    with pytest.raises(CreditPoolError, match="TimeoutError"):
        site.client().pool(POOL_ID)


@pytest.mark.parametrize("size", [0, 2**20, 2**22])
def test_a_long_answer_is_not_read(site: Site, size: int) -> None:
    """Without a length, with one that is over the limit, and with four times that."""
    answer = Response(b"x" * max(size + 1, 1), repeat=1 if size else None)
    site.vendor.credits.identity.intercept = lambda *_: answer
    with pytest.raises(CreditPoolError, match=r"more than|broke off"):
        site.client().pool(POOL_ID)


@pytest.mark.parametrize("status", [301, 302, 404, 429, 500, 503])
def test_other_statuses_are_errors_and_redirects_are_not_followed(site: Site, status: int) -> None:
    site.vendor.licensing.server.behave(status=status)
    with pytest.raises(CreditPoolError, match=f"HTTP {status}"):
        site.client().pool(POOL_ID)
    assert len(site.requests) == 2


# What a run reports.


@pytest.fixture
def pooled(
    site: Site,
    reconciling: Cloud,
    fake_panorama: FakePanorama,
    monkeypatch: pytest.MonkeyPatch,
    logs: Logs,
) -> Cloud:
    """The reconcile function with a credit pool, and one firewall in service of at most five."""
    reconciling.account.secrets[SECRET] = secret(site)
    reconciling.account.maximum = 5
    become_reconcile(reconciling, monkeypatch, credit_pool=credit_pool())
    site.vendor.credits.configure(total=0, profile_firewalls=0)
    logs()
    return reconciling


def secret(site: Site, **changes: Any) -> str:
    content = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "auth_code": AUTH_CODE,
        "ca_bundle": site.vendor.authority.pem,
    }
    return json.dumps({key: value for key, value in {**content, **changes}.items() if value})


def credit_pool(**changes: Any) -> dict[str, Any]:
    return {
        "secret_arn": SECRET,
        "id": POOL_ID,
        "credits_per_firewall": 13.68,
        "profile_firewalls": None,
        **changes,
    }


def test_a_run_without_a_pool_asks_nobody(
    reconciling: Cloud, fake_panorama: FakePanorama, site: Site, logs: Logs
) -> None:
    assert run(reconciling)["license_headroom"] is None
    assert site.requests == []
    assert "LicenseCreditsUnknown" not in metrics(logs())


def test_firewalls_of_the_maximum_size_without_credits_are_counted_and_logged(
    pooled: Cloud, site: Site, logs: Logs
) -> None:
    site.vendor.credits.configure(total=30.0, expires="2027-01-31")
    report = run(pooled)
    assert report["license_headroom"]["short"] == 2
    records = logs()
    counted = metrics(records)
    assert counted["FirewallsWithoutCredits"] == 2
    assert counted["LicenseCreditsAvailable"] == 30.0
    assert counted["LicenseCreditsUnknown"] == 0
    assert counted["LicenseCreditsDaysLeft"] == report["license_headroom"]["days_left"]
    assert any("no credits for the maximum size" in str(item.get("message")) for item in records)


def test_the_alarm_ends_when_there_are_credits(pooled: Cloud, site: Site, logs: Logs) -> None:
    site.vendor.credits.configure(total=1000.0)
    assert run(pooled)["license_headroom"]["short"] == 0
    assert metrics(logs())["FirewallsWithoutCredits"] == 0


@pytest.mark.parametrize(("answer", "short"), [("without-quantity", 4), ("with-quantity", 0)])
def test_free_places_of_the_profile_count_if_the_api_shows_them(
    pooled: Cloud, site: Site, answer: str, short: int
) -> None:
    site.world.assumptions.set(**{"deployment-profile-fields": answer})
    site.vendor.credits.configure(total=5 * 13.68, profile_firewalls=5)
    report = run(pooled)
    assert report["license_headroom"]["short"] == short
    told = any("profile_firewalls" in reason for reason in report["not_checked"].values())
    assert told == (answer == "without-quantity")


def test_free_places_that_the_settings_state_count(
    pooled: Cloud, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_reconcile(pooled, monkeypatch, credit_pool=credit_pool(profile_firewalls=5))
    site.vendor.credits.configure(total=5 * 13.68, profile_firewalls=5)
    assert run(pooled)["license_headroom"]["short"] == 0
    assert len(site.requests) == 3, "the profile is not asked for"


@pytest.mark.parametrize(("answer", "short"), [("keeps-returned", 2), ("drops-returned", 0)])
def test_serial_numbers_that_stay_listed_only_make_the_report_cautious(
    pooled: Cloud, site: Site, monkeypatch: pytest.MonkeyPatch, answer: str, short: int
) -> None:
    site.world.assumptions.set(**{"auth-code-serials": answer})
    become_reconcile(pooled, monkeypatch, credit_pool=credit_pool(profile_firewalls=5))
    site.vendor.credits.configure(total=5 * 13.68, profile_firewalls=5)
    licensing = site.vendor.licensing
    licensing.activate(AUTH_CODE, "U", "C")
    for number in range(2):
        licensing.return_license(licensing.activate(AUTH_CODE, f"U{number}", f"C{number}"))
    assert run(pooled)["license_headroom"]["short"] == short


def test_without_an_auth_code_only_the_pool_is_asked(pooled: Cloud, site: Site) -> None:
    pooled.account.secrets[SECRET] = secret(site, auth_code=None)
    site.vendor.credits.configure(total=100.0)
    assert run(pooled)["license_headroom"]["short"] == 0
    assert len(site.requests) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "SecretError"),
        ("{}", "client_id and client_secret"),
        ('{"client_id": "a", "client_secret": "b\\nc"}', "line break"),
        ('{"client_id": "a", "client_secret": "b", "auth_code": "D1 D2"}', "auth_code"),
    ],
)
def test_an_unusable_secret_ends_no_run(
    pooled: Cloud, logs: Logs, content: str | None, reason: str
) -> None:
    if content is None:
        del pooled.account.secrets[SECRET]
    else:
        pooled.account.secrets[SECRET] = content
    report = run(pooled)
    assert reason in report["not_checked"]["license credits"]
    counted = metrics(logs())
    assert counted["LicenseCreditsUnknown"] == 1
    assert counted["ReconcileCompleted"] == 1
    assert "FirewallsWithoutCredits" not in counted


def test_an_api_that_is_away_ends_no_run(pooled: Cloud, site: Site, logs: Logs) -> None:
    site.vendor.credits.identity.behave(mode="refusing")
    report = run(pooled)
    assert "CreditPoolError" in report["not_checked"]["license credits"]
    assert report["license_headroom"] is None
    records = logs()
    assert metrics(records)["LicenseCreditsUnknown"] == 1
    assert CLIENT_SECRET not in json.dumps(records)


def test_the_limit_is_shorter_than_what_an_invocation_reserves() -> None:
    from vmseries_autoscale.time_budget import RESERVE_MILLISECONDS  # noqa: PLC0415

    assert client_module.TIMEOUT_SECONDS * 1000 < RESERVE_MILLISECONDS
    assert bounded_https.MAXIMUM_HEADER_BYTES < 2**20


# What the pre-flight says.


def preflight(site: Site, pooled: Cloud, **changes: Any) -> list[str]:
    """The sentences of the pre-flight about credits, each with its severity before it."""
    if changes:
        pooled.account.secrets[SECRET] = secret(site, **changes)
    with pooled.warm():
        report = pooled.handler({"action": "validate"}, FakeContext())
    kinds = ("checked", "problems", "unchecked")
    told = [f"{kind}: {text}" for kind in kinds for text in report[kind]]
    assert not any(CLIENT_SECRET in text or AUTH_CODE in text for text in told)
    return [text for text in told if "License credits" in text or SECRET in text]


@pytest.mark.documents(id="preflight/credit-pool")
def test_the_preflight_tries_secret_token_pool_and_auth_code(pooled: Cloud, site: Site) -> None:
    site.world.assumptions.set(**{"deployment-profile-fields": "with-quantity"})
    site.vendor.credits.configure(total=200.0, profile_firewalls=5, expires="2027-01-31")
    pool = f"credit pool {POOL_ID}: 131.6 credits are available, until 2027-01-31."
    assert preflight(site, pooled) == [
        f"checked: Secret {SECRET}: OAuth credentials, an auth_code, a ca_bundle.",
        "checked: License credits: an access token: the identity service accepts the credentials.",
        f"checked: License credits: {pool}",
        "checked: License credits: the firewalls of the auth_code: 0.",
        "checked: License credits: the deployment profile: made for 5 firewalls.",
    ]
    assert len(site.requests) == 4


@pytest.mark.documents(id="preflight/credit-pool")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"client_secret": "of-another-client"}, "an access token cannot be read: .*is wrong or"),
        ({"client_secret": f" {CLIENT_SECRET}"}, "client_secret begins or ends with white space"),
        ({"client_id": None}, "must have the keys client_id and client_secret"),
        ({"auth_code": "D7654321"}, "the firewalls of the auth_code cannot be read: .*HTTP 404"),
        ({"ca_bundle": "no certificate"}, "ca_bundle.*put a new version of the secret"),
        ({"ca_bundle": None}, "an access token cannot be read: .*ca_bundle in the secret"),
    ],
)
def test_the_preflight_says_what_is_wrong_with_the_secret_of_the_credit_pool(
    pooled: Cloud, site: Site, changes: dict[str, Any], sentence: str
) -> None:
    problems = [
        text for text in preflight(site, pooled, **changes) if text.startswith("problems: ")
    ]
    assert any(re.search(sentence, text) for text in problems), problems


@pytest.mark.documents(id="preflight/credit-pool")
def test_the_preflight_names_a_pool_that_does_not_exist(
    pooled: Cloud, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_reconcile(pooled, monkeypatch, credit_pool=credit_pool(id="7"))
    (problem,) = [text for text in preflight(site, pooled) if text.startswith("problems: ")]
    assert "credit pool 7 cannot be read" in problem
    assert "compare licensing.credit_pool.id" in problem


@pytest.mark.documents(id="preflight/credit-pool")
def test_the_preflight_wants_the_size_of_a_profile_that_the_api_does_not_tell(
    pooled: Cloud, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = [text for text in preflight(site, pooled) if text.startswith("problems: ")]
    assert "set licensing.credit_pool.profile_firewalls" in problem
    become_reconcile(pooled, monkeypatch, credit_pool=credit_pool(profile_firewalls=5))
    assert not [text for text in preflight(site, pooled) if text.startswith("problems: ")]


@pytest.mark.documents(id="preflight/credit-pool")
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_credit_pool_is_not_a_problem(pooled: Cloud, site: Site, status: int) -> None:
    site.vendor.licensing.server.behave(status=status)
    told = preflight(site, pooled)
    (unchecked,) = [text for text in told if text.startswith("unchecked: License credits")]
    assert f"HTTP {status}: it is busy or out of service. Invoke" in unchecked
    assert not any(text.startswith("problems: ") for text in told)


def test_the_preflight_without_a_pool_asks_nobody(
    reconciling: Cloud, fake_panorama: FakePanorama, site: Site
) -> None:
    assert preflight(site, reconciling) == []
    assert site.requests == []
