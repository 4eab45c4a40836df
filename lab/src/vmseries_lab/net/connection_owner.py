"""Finds the process at the other end of a local connection."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")
"""Format: https://docs.kernel.org/networking/proc_net_tcp.html (hexadecimal addresses, inode)."""


def caller(port: int, processes: Iterable[int]) -> int | None:
    """Return the process that uses a local port, ``None`` if it is unknown or without ``/proc``.

    Args:
        port: local port of the client.
        processes: process IDs to search.
    """
    try:
        rows = [line.split() for line in CONNECTIONS.read_text().splitlines()[1:]]
    except OSError:
        return None
    inodes = {f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port}
    return next((process for process in processes if inodes & _sockets(process)), None)


def _sockets(process: int) -> set[str]:
    try:
        return {str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()}
    except OSError:
        return set()  # The process has ended.
