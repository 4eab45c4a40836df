"""Which process is at the other end of a connection: what a server outside AWS is not told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")
"""https://docs.kernel.org/networking/proc_net_tcp.html: addresses in hexadecimal, and the inode."""


def caller(port: int, processes: Iterable[int]) -> int | None:
    """The process that holds the connection from this local port; ``None`` where there is no proc.

    Args:
        port: of the client.
        processes: who may hold it.
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
        return set()  # It has ended meanwhile.
