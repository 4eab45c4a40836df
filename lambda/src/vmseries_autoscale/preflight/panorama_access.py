"""Check the access to Panorama: each peer, the administrator's rights and the active peer."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from vmseries_autoscale.errors import AutoscaleError, DeviceAccessError, TransientError
from vmseries_autoscale.panorama.interface import ACTIVE_STATES
from vmseries_autoscale.preflight import connectivity, secrets
from vmseries_autoscale.preflight.findings import (
    Finding,
    Findings,
    checked,
    problem,
    run_check,
    unchecked,
)
from vmseries_autoscale.secret_store import Credentials
from vmseries_autoscale.settings import PanoramaSettings

if TYPE_CHECKING:
    from vmseries_autoscale.panorama.preflight_client import PreflightPanorama

PanoramaCheck: TypeAlias = Callable[["PreflightPanorama"], Iterable[Finding]]
"""A check that runs on the peer that accepts changes."""

OPERATIONAL, CONFIGURATION, COMMIT = "Operational Requests", "Configuration", "Commit"
"""Rights of the XML API, as named in "Panorama > Admin Roles" (Panorama web interface help).
Configuration is the right to read and to change: a role has both or neither. Only the built-in
read-only roles can read without the right to change, and they cannot commit."""


def check(settings: PanoramaSettings, checks: Sequence[tuple[str, PanoramaCheck]]) -> Findings:
    """Check the access to Panorama, and then its configuration.

    Args:
        settings: Settings of Panorama.
        checks: Checks of the peer that accepts changes, each with its subject.
    """
    credentials = yield from secrets.check_administrator(settings.secret_arn)
    context = yield from secrets.check_trusted_certificates(settings.secret_arn, credentials)
    usable: dict[str, PreflightPanorama] = {}
    for hostname in settings.hostnames:
        skipped = f"{hostname}: TLS, the credential and everything that depends on them"
        if not (yield from connectivity.check_connection(hostname, settings.port)):
            yield unchecked(f"{skipped}: the host cannot be reached.")
        elif credentials is None or context is None:
            yield unchecked(f"{skipped}: the secret cannot be used.")
        else:
            peer = yield from _check_peer(hostname, settings, credentials, context)
            if peer is not None:
                usable[hostname] = peer
    active = yield from _active_peer(usable)
    for subject, panorama_check in checks:
        if active is None:
            yield unchecked(f"{subject}: no Panorama accepts requests and changes.")
        else:
            yield from run_check(subject, partial(panorama_check, active))


def _check_peer(
    hostname: str, settings: PanoramaSettings, credentials: Credentials, context: ssl.SSLContext
) -> Generator[Finding, None, PreflightPanorama | None]:
    """Check TLS and the administrator's rights on one peer.

    Returns:
        The peer; ``None`` if it cannot be used. The reason is a finding.
    """
    # Loading pan-os-python is slow, and only the pre-flight needs it here.
    from vmseries_autoscale.panorama.preflight_client import PreflightPanorama  # noqa: PLC0415

    trusted = yield from connectivity.check_certificate(
        hostname, settings.port, context, settings.secret_arn, settings.server_name
    )
    if not trusted:
        yield unchecked(
            f"{hostname}: the credential and everything that depends on it: there is no TLS "
            "connection."
        )
        return None
    peer = PreflightPanorama(hostname, settings, credentials)
    refused: set[str] = set()
    for right, request in (
        (OPERATIONAL, peer.version),
        (CONFIGURATION, peer.check_configuration_access),
    ):
        try:
            request()
        except DeviceAccessError:
            refused.add(right)
        except TransientError as error:
            yield unchecked(f"{hostname}: the credential: {error}. Invoke the function again.")
            return None
        except AutoscaleError as error:
            yield problem(f"{hostname}: {error}.")
            return None
    yield from _rights(hostname, credentials.username, settings.secret_arn, refused)
    return None if OPERATIONAL in refused else peer


def _rights(hostname: str, username: str, secret_arn: str, refused: set[str]) -> Findings:
    if not refused:
        yield checked(f"{hostname} accepts {username}: {OPERATIONAL}, {CONFIGURATION}.")
    elif len(refused) > 1:
        # The response to a wrong key is the same as that to a role without the XML API.
        yield problem(
            f"{hostname} rejects the administrator {username}: the key or password is wrong, "
            f"expired or revoked, or the role has no rights under XML API, as every role of type "
            f"Device Group and Template: renew secret {secret_arn}, or give the administrator a "
            "role of docs/panorama-admin-role.xml."
        )
    else:
        yield from (missing_right(hostname, username, right) for right in refused)


def missing_right(hostname: str, username: str, right: str) -> Finding:
    """Return the finding that the administrator's role lacks a right of the XML API."""
    return problem(
        f"{hostname}: the administrator {username} may not use {right}: enable it under XML API in "
        "the administrator's role (Panorama > Admin Roles)."
    )


def _active_peer(
    usable: Mapping[str, PreflightPanorama],
) -> Generator[Finding, None, PreflightPanorama | None]:
    """Find the peer that accepts changes.

    Returns:
        The peer; ``None`` if no peer accepts changes. The reason is a finding.
    """
    states = yield from _ha_states(usable)
    standalone = [hostname for hostname, state in states.items() if state is None]
    if standalone and len(usable) > 1:
        yield problem(
            f"High availability is disabled on {' and '.join(standalone)}, but panorama.hostnames "
            "has two names: name only the Panorama that manages the firewalls, or configure both "
            "as a high-availability pair."
        )
    active = [name for name, state in states.items() if state is None or state in ACTIVE_STATES]
    summary = ", ".join(f"{hostname} is {state}" for hostname, state in states.items() if state)
    if len(active) > 1 and not standalone:
        yield problem(f"Both peers accept changes ({summary}): check the pair's HA links.")
    if states and not active:
        yield problem(
            f"No Panorama in panorama.hostnames accepts changes ({summary}): name both peers of "
            "the pair, or check in Panorama > High Availability why neither is active."
        )
    if active and summary and not standalone:
        yield checked(f"High availability: {summary}.")
    return usable[active[0]] if active else None


def _ha_states(
    usable: Mapping[str, PreflightPanorama],
) -> Generator[Finding, None, dict[str, str | None]]:
    """Read each peer's high-availability state, ``None`` for a standalone Panorama."""
    states: dict[str, str | None] = {}
    for hostname, peer in usable.items():
        try:
            states[hostname] = peer.ha_state()
        except AutoscaleError as error:
            yield problem(f"{hostname}: the high-availability state cannot be read: {error}.")
    return states
