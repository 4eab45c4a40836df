"""Settings that the lab's control API changes on Panorama."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from vmseries_lab.panorama import admin_roles, initial_config, operator_session
from vmseries_lab.panorama.api import Refusal
from vmseries_lab.panorama.peer import Peer
from vmseries_lab.panorama.service import Panorama


def configure(panorama: Panorama, peer: str | None = None, **settings: Any) -> dict[str, Any]:
    """Change settings.

    Args:
        panorama: the Panorama, or the pair.
        peer: ``primary`` or ``secondary``; without it, the settings apply to all peers.
        settings: the attributes of ``https.ServerBehavior``; those of ``commits.Pace`` and of
            ``settings.Settings``, which always apply to both peers; and

            * ``available``: of a peer of a pair, whether it has power.
            * ``refuse``: a list of ``Refusal`` as mappings.
            * ``locks``: which locks the operator holds, of ``commit`` and ``config``.
            * ``queued_commits``: how many commits the operator queues now.
            * ``full_commit_required``: whether partial commits and reverts are rejected.
            * ``rights``: which requests the functions' administrator may make over the XML API:
              some of ``admin_roles.TYPES``.

    Returns:
        The server's mode and the durations of jobs.

    Raises:
        ValueError: for a setting or peer that does not exist.
    """
    peers = [known for known in panorama.peers if peer in (None, known.priority)]
    if not peers:
        raise ValueError(f"there is no peer called {peer}")
    setters: dict[str, Callable[[Peer, Any], None]] = {
        "available": lambda known, on: _set_power(panorama, known, on),
        "refuse": _refuse,
        "locks": lambda known, kinds: known.locks.hold(initial_config.OPERATOR.name, kinds),
        "queued_commits": lambda known, number: operator_session.queue_commits(
            panorama, known, number
        ),
        "full_commit_required": _require_full_commit,
        "rights": _allow,
    }
    common = {
        name: owner
        for owner in (panorama.pace, panorama.settings)
        for name in asdict(owner)
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


def _refuse(peer: Peer, refusals: list[dict[str, Any]]) -> None:
    peer.api.refusals += [Refusal(**refusal) for refusal in refusals]


def _require_full_commit(peer: Peer, required: bool) -> None:
    peer.store.full_commit_required = required


def _allow(peer: Peer, types: list[str]) -> None:
    """Set the rights in the role profile of the functions' administrator: these and no others."""
    if unknown := set(types) - set(admin_roles.TYPES):
        raise ValueError(f"the XML API has no requests of type {', '.join(sorted(unknown))}")
    rights = "".join(
        f"<{kind}>{'enable' if kind in types else 'disable'}</{kind}>" for kind in admin_roles.TYPES
    )
    peer.store.make(admin_roles.rights_path(initial_config.ROLE), rights)


def _set_power(panorama: Panorama, peer: Peer, on: bool) -> None:
    """Switch a peer on or off; a Panorama that is not in a pair only becomes unreachable."""
    if panorama.pair is None:
        peer.server.behave(mode="answering" if on else "refusing")
    elif on:
        panorama.pair.restore(peer)
    elif peer.on:
        panorama.pair.fail(peer, "power")
