"""Sessions of the administrator ``operator`` at Panorama's command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from defusedxml.ElementTree import fromstring

from vmseries_lab.panorama import configure_mode, initial_config
from vmseries_lab.panorama.peer import Peer
from vmseries_lab.panorama.service import Panorama

_COMMIT = (
    "<commit>{}<partial><admin><member>"
    + initial_config.OPERATOR.name
    + "</member></admin></partial></commit>"
)
_FORCED_COMMIT = fromstring(_COMMIT.format("<force/>"))


def run_commands(panorama: Panorama, lines: Iterable[str]) -> dict[str, Any]:
    """Enter configuration lines as the operator, commit them, and push to the managed firewalls.

    Args:
        panorama: the Panorama.
        lines: commands; empty lines and lines that begin with ``#`` are skipped.

    Returns:
        Job numbers of ``commit`` and ``push``, both ``None`` if there was nothing to commit.

    Raises:
        BadLineError: if a line is not a valid change; no change is made.
        ChangeRejectedError: if the configuration rejects a change.
        ValueError: if no Panorama is active.
    """
    if panorama.active is None:
        raise ValueError("no Panorama is active")
    user = initial_config.OPERATOR.name
    changes = list(configure_mode.changes(lines, user))
    with panorama.world.lock:
        now = panorama.world.clock.now()
        peer = panorama.leading
        peer.store.apply(changes)
        _, commit = peer.commits.commit(fromstring(_COMMIT.format("")), user, now)
        if commit is None:
            return {"commit": None, "push": None}
        panorama.note("commit-queued", str(commit.number), user=user)
        push = peer.commits.push(panorama.connected_serials, user, now, after=commit)
        return {"commit": commit.number, "push": push.number}


def queue_commits(panorama: Panorama, peer: Peer, number: int) -> None:
    """Queue forced commits of the operator, which change nothing, if the peer is active.

    The first one starts at once unless another commit is running.
    """
    now = panorama.world.clock.now()
    for _ in range(number if peer is panorama.active else 0):
        peer.commits.commit(_FORCED_COMMIT, initial_config.OPERATOR.name, now)
        panorama.tick(now)
