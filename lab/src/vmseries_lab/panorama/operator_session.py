"""The administrator ``operator``, who works at Panorama's command line beside the functions."""

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

    Returns:
        The job numbers of the ``commit`` and the ``push``, ``None`` if there was nothing to commit.

    Raises:
        BadLineError: if a line makes no change; then nothing was changed.
        ChangeRefusedError: if the configuration rejects a change.
        ValueError: if no Panorama is active.
    """
    if panorama.active is None:
        raise ValueError("no Panorama is active")
    user = initial_config.OPERATOR.name
    changes = [configure_mode.change(line, user) for line in lines]
    with panorama.world.lock:
        now = panorama.world.clock.now()
        panorama.store.apply(changes)
        _, commit = panorama.commits.commit(fromstring(_COMMIT.format("")), user, now)
        if commit is None:
            return {"commit": None, "push": None}
        panorama.note("commit-queued", str(commit.number), user=user)
        push = panorama.commits.push(panorama.connected_serials, user, now, after=commit)
        return {"commit": commit.number, "push": push.number}


def queue_commits(panorama: Panorama, peer: Peer, number: int) -> None:
    """Queue commits of the operator that change nothing; the first starts if none is running.

    Nothing happens if the peer is not the active one.
    """
    now = panorama.world.clock.now()
    for _ in range(number if peer is panorama.active else 0):
        peer.commits.commit(_FORCED_COMMIT, initial_config.OPERATOR.name, now)
        panorama.tick(now)
