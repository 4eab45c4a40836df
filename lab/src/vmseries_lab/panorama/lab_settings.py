"""Settings of Panorama that the lab's control API can change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from vmseries_lab.panorama import admin_roles, initial_config, operator_session
from vmseries_lab.panorama.api import InjectedError
from vmseries_lab.panorama.peer import Peer
from vmseries_lab.panorama.service import Panorama
from vmseries_lab.panorama.settings import SlowCommand


def configure(panorama: Panorama, peer: str | None = None, **settings: Any) -> dict[str, Any]:
    """Change settings.

    Args:
        panorama: a single Panorama or a pair.
        peer: ``primary`` or ``secondary``; without it, the settings apply to all peers.
        settings: attributes of ``https.ServerBehavior``; attributes of ``commits.Pace`` and
            ``settings.Settings``, which always apply to both peers; and

            * ``available``: whether a peer of a pair has power, or a single Panorama is reachable.
            * ``inject_errors``: list of the attributes of ``api.InjectedError``.
            * ``locks``: locks that the operator holds: ``commit``, ``config``, both or none.
            * ``queued_commits``: number of commits that the operator queues now.
            * ``full_commit_required``: whether partial commits and reverts are rejected.
            * ``queued_pushes``: number of pushes to the operator's own firewalls that the operator
              queues now; each takes ``estate.PUSH_SECONDS``.
            * ``estate``: number of the operator's own firewalls, which can only grow; or a mapping
              with ``number`` and the management ``addresses`` of the first new ones.
            * ``role_xml``: text of a file with the role profile of the functions' administrator,
              see ``admin_roles.load``.
            * ``licensing_api_key``: Panorama's licensing API key; ``None`` for none.
            * ``slow_commands``: list of the attributes of ``settings.SlowCommand``.
            * ``rights``: types of requests that the role profile of the functions' administrator
              allows, of ``admin_roles.TYPES``.

    Returns:
        ``mode`` of the server, and the attributes of ``commits.Pace``.

    Raises:
        ValueError: for an unknown setting or peer.
    """
    peers = [known for known in panorama.peers if peer in (None, known.priority)]
    if not peers:
        raise ValueError(f"unknown peer: {peer}")
    setters: dict[str, Callable[[Peer, Any], None]] = {
        "available": lambda known, on: _set_power(panorama, known, on),
        "inject_errors": _inject_errors,
        "locks": lambda known, kinds: known.locks.hold(initial_config.OPERATOR.name, kinds),
        "queued_commits": lambda known, number: operator_session.queue_commits(
            panorama, known, number
        ),
        "queued_pushes": lambda known, number: _queue_pushes(panorama, known, number),
        "role_xml": lambda known, text: admin_roles.load(known.store, initial_config.ROLE, text),
        "full_commit_required": _require_full_commit,
        "rights": _set_rights,
    }
    if "estate" in settings:
        _grow_estate(panorama, settings.pop("estate"))
    if "licensing_api_key" in settings:
        panorama.leading.licenses.api_key.value = settings.pop("licensing_api_key")
    if "slow_commands" in settings:
        slow = [SlowCommand(**command) for command in settings.pop("slow_commands")]
        settings["slow_commands"] = slow
    common = {
        name: owner
        for owner in (panorama.pace, panorama.settings)
        for name in (attribute.name for attribute in fields(owner))
        if name in settings
    }
    own = {name: settings.pop(name) for name in [*setters, *common] if name in settings}
    for known in peers:
        known.server.behave(**settings)
    with panorama.world.lock:
        for name, value in own.items():
            if name in common:
                setattr(common[name], name, value)
            else:
                for known in peers:
                    setters[name](known, value)
    return {"mode": peers[0].server.conduct.mode, **asdict(panorama.pace)}


def _inject_errors(peer: Peer, injected_errors: list[dict[str, Any]]) -> None:
    peer.api.injected_errors += [InjectedError(**injected) for injected in injected_errors]


def _queue_pushes(panorama: Panorama, peer: Peer, number: int) -> None:
    if peer is panorama.active:
        panorama.estate.push(peer, number)


def _grow_estate(panorama: Panorama, wanted: int | dict[str, Any]) -> None:
    settings: dict[str, Any] = wanted if isinstance(wanted, dict) else {"number": wanted}
    with panorama.world.lock:
        addresses: tuple[str, ...] = tuple(settings.get("addresses", ()))
        panorama.estate.grow(int(settings["number"]), addresses)


def _require_full_commit(peer: Peer, required: bool) -> None:
    peer.store.full_commit_required = required


def _set_rights(peer: Peer, types: list[str]) -> None:
    """Set the types of requests that the role profile of the functions' administrator allows."""
    if unknown := set(types) - set(admin_roles.TYPES):
        raise ValueError(f"unknown types of requests: {', '.join(sorted(unknown))}")
    rights = "".join(
        f"<{kind}>{'enable' if kind in types else 'disable'}</{kind}>" for kind in admin_roles.TYPES
    )
    peer.store.make(admin_roles.rights_path(initial_config.ROLE), rights)


def _set_power(panorama: Panorama, peer: Peer, on: bool) -> None:
    """Set the power of a peer; a single Panorama only becomes unreachable."""
    if panorama.pair is None:
        peer.server.behave(mode="answering" if on else "refusing")
    elif on:
        panorama.pair.restore(peer)
    elif peer.on:
        panorama.pair.fail(peer, "power")
