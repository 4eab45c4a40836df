"""Check the access to the credit pool: the secret, a token, and what a run reads."""

from __future__ import annotations

from collections.abc import Callable

from vmseries_autoscale.credit_pool import CreditPoolClient, Pool
from vmseries_autoscale.errors import CreditPoolBusyError, CreditPoolError
from vmseries_autoscale.preflight import secrets
from vmseries_autoscale.preflight.findings import Findings, checked, problem, unchecked
from vmseries_autoscale.settings import CreditPoolSettings


def check(settings: CreditPoolSettings) -> Findings:
    """Check the access to the credit pool, with the requests that a run makes.

    Each request needs the one before, so that the first one that fails ends the check.

    Args:
        settings: Settings of the credit pool.
    """
    credentials = yield from secrets.check_credit_pool_credentials(settings.secret_arn)
    context = yield from secrets.check_trusted_certificates(settings.secret_arn, credentials)
    if credentials is None or context is None:
        yield unchecked(f"Credit pool {settings.id}: the secret cannot be used.")
        return
    client = CreditPoolClient(credentials)
    requests: dict[str, Callable[[], str]] = {
        "an access token": lambda: _token(client),
        f"credit pool {settings.id}": lambda: _pool(client.pool(settings.id)),
    }
    if (auth_code := credentials.auth_code) is not None:
        requests["the firewalls of the auth_code"] = lambda: f"{len(client.serials(auth_code))}"
        if settings.profile_firewalls is None:
            requests["the deployment profile"] = lambda: _profile(client, auth_code)
    for subject, request in requests.items():
        try:
            found = request()
        except CreditPoolBusyError as error:
            yield unchecked(f"License credits: {subject}: {error}. Invoke the function again.")
            return
        except CreditPoolError as error:
            yield problem(f"License credits: {subject} cannot be read: {error}.")
            return
        yield checked(f"License credits: {subject}: {found}.")


def _token(client: CreditPoolClient) -> str:
    client.authenticate()
    return "the identity service accepts the credentials"


def _pool(pool: Pool) -> str:
    end = "without a date" if pool.expires is None else f"until {pool.expires}"
    return f"{pool.available:g} credits are available, {end}"


def _profile(client: CreditPoolClient, auth_code: str) -> str:
    profile = client.profile(auth_code)
    if profile.firewalls is None:
        raise CreditPoolError(
            "the API does not say for how many firewalls it is made; set "
            "licensing.credit_pool.profile_firewalls"
        )
    return f"made for {profile.firewalls} firewalls"
