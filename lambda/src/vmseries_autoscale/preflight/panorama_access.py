"""The way to Panorama: each peer, the administrator's rights, and which peer takes changes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from vmseries_autoscale.errors import (
    AutoscaleError,
    PanoramaAccessError,
    TransientError,
)
from vmseries_autoscale.preflight import connectivity, secrets
from vmseries_autoscale.preflight.findings import (
    Finding,
    Findings,
    checked,
    guarded,
    problem,
    unchecked,
)
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

if TYPE_CHECKING:
    from vmseries_autoscale.panorama.preflight_client import Inspection

Question: TypeAlias = Callable[["Inspection"], Iterable[Finding]]
"""What is asked of the peer that takes changes."""

ACTIVE = frozenset({"primary-active", "secondary-active"})

OPERATIONAL, CONFIGURATION, COMMIT = "Operational Requests", "Configuration", "Commit"
"""The rights of the XML API, as "Panorama > Admin Roles" has them (Panorama web interface help).
Configuration is the right to retrieve and to modify: who may do one may do the other, except for
the built-in roles that only read, which may not commit either."""


def check(settings: PanoramaSettings, questions: Sequence[tuple[str, Question]]) -> Findings:
    """Everything about Panorama.

    Args:
        settings: where it is, and who we are.
        questions: by what they are about, for the peer that takes changes.
    """
    administrator = yield from secrets.administrator(settings.secret_arn)
    context = yield from secrets.trust(settings.secret_arn, administrator)
    usable: dict[str, Inspection] = {}
    for hostname in settings.hostnames:
        if not (yield from connectivity.connected(hostname, settings.port)):
            yield unchecked(f"{hostname}: TLS, credential and all behind them; it is not reached.")
        elif administrator is None or context is None:
            yield unchecked(f"{hostname}: TLS, credential and all behind them, for the secret.")
        else:
            peer = yield from _usable(hostname, settings, administrator, context)
            if peer is not None:
                usable[hostname] = peer
    active = yield from _active(usable)
    for what, question in questions:
        if active is None:
            yield unchecked(f"{what}: there is no Panorama to ask.")
        else:
            yield from guarded(what, partial(question, active))


def _usable(
    hostname: str, settings: PanoramaSettings, administrator: Credentials, context: ssl.SSLContext
) -> Generator[Finding, None, Inspection | None]:
    """One peer, if it can be asked; why it cannot is yielded."""
    # Slow to load, and only wanted here.
    from vmseries_autoscale.panorama.preflight_client import Inspection  # noqa: PLC0415

    if not (yield from connectivity.trusted(hostname, settings.port, context, settings.secret_arn)):
        yield unchecked(f"{hostname}: the credential and all behind it, for the TLS connection.")
        return None
    peer = Inspection(hostname, settings, administrator)
    refused: dict[str, PanoramaAccessError] = {}
    for right, use in ((OPERATIONAL, peer.version), (CONFIGURATION, peer.reads_configuration)):
        try:
            use()
        except PanoramaAccessError as error:
            refused[right] = error
        except TransientError as error:
            yield unchecked(f"{hostname}: the credential: {error}. Invoke the function again.")
            return None
        except AutoscaleError as error:
            yield problem(f"{hostname}: {error}.")
            return None
    yield from _rights(hostname, administrator.username, settings.secret_arn, refused)
    return None if OPERATIONAL in refused else peer


def _rights(
    hostname: str, username: str, secret_arn: str, refused: Mapping[str, PanoramaAccessError]
) -> Findings:
    if not refused:
        yield checked(f"{hostname} takes {username}: {OPERATIONAL}, {CONFIGURATION}.")
    elif len(refused) > 1:
        # A wrong key and a role without the XML API are answered alike.
        yield problem(
            f"{hostname} refuses the administrator {username}: the key or password is wrong, "
            f"expired or revoked, or the role has no rights under XML API: renew secret "
            f"{secret_arn}, or widen the role."
        )
    else:
        yield from (lacks(hostname, username, right) for right in refused)


def lacks(hostname: str, username: str, right: str) -> Finding:
    """The administrator's role does not have a right of the XML API."""
    return problem(
        f"{hostname}: the administrator {username} may not use {right}: enable it under XML API in "
        "the administrator's role (Panorama > Admin Roles)."
    )


def _active(usable: Mapping[str, Inspection]) -> Generator[Finding, None, Inspection | None]:
    """The peer that takes changes, if one does; why none does is yielded."""
    states: dict[str, str | None] = {}
    for hostname, peer in usable.items():
        try:
            states[hostname] = peer.state()
        except AutoscaleError as error:
            yield problem(f"{hostname}: its high-availability state: {error}.")
    alone = [hostname for hostname, state in states.items() if state is None]
    if alone and len(usable) > 1:
        yield problem(
            f"No high-availability pair: {' and '.join(alone)} stands alone, but "
            "panorama.hostnames has two names: name the one Panorama that manages the firewalls, "
            "or make them a pair."
        )
    active = [hostname for hostname, state in states.items() if state is None or state in ACTIVE]
    seen = ", ".join(f"{hostname} is {state}" for hostname, state in states.items() if state)
    if len(active) > 1 and not alone:
        yield problem(f"Both peers take changes ({seen}): look at the pair's HA links.")
    if states and not active:
        yield problem(
            f"No Panorama in panorama.hostnames takes changes ({seen}): name both peers of the "
            "pair, or find out in Panorama > High Availability why neither is active."
        )
    if active and seen and not alone:
        yield checked(f"High availability: {seen}.")
    return usable[active[0]] if active else None
