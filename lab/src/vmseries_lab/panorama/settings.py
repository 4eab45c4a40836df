"""Simulated settings of Panorama."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SlowCommand:
    """Commands to which the responses are late.

    How long a busy management plane takes is not documented. pan-os-python waits up to 1200
    seconds.

    Attributes:
        command: how the kind of a request starts (:func:`request_log.kind_of`), such as ``op show
            devices all`` or ``commit``.
        seconds: seconds by which the response is late: of lab time for functions, of real time for
            other callers.
        while_committing: whether they are slow only while a commit or a push is under way.
    """

    command: str
    seconds: float
    while_committing: bool = False


@dataclass
class Settings:
    """Settings of both peers.

    Attributes:
        multi_config: whether multi-config requests are accepted. They are disabled by default in
            PAN-OS 10.0 and unknown to earlier versions ("Multi-Config Request (API)").
        absent_rejected: whether a multi-config request that deletes an absent object fails as a
            whole, with code 7. Otherwise the deletion succeeds with code 7, as it does outside a
            multi-config request. Which of the two applies is not documented.
        automatic_commit_lock: whether an administrator who makes a change acquires the commit lock
            ("Manage Locks for Restricting Configuration Changes": Automatically Acquire Commit
            Lock).
        licensing_reachable: whether Panorama itself reaches the licensing API.
        failed_jobs: number of entries of type ``Failed-Job`` in the job list. They have no number
            (PaloAltoNetworks/pan-os-ansible#533, demisto/content#36042).
        jobs_without_id: number of entries in the job list whose number is empty. None is recorded.
        slow_commands: commands that are slow, see :class:`SlowCommand`.
    """

    multi_config: bool = True
    absent_rejected: bool = False
    automatic_commit_lock: bool = False
    licensing_reachable: bool = True
    failed_jobs: int = 1
    jobs_without_id: int = 0
    slow_commands: list[SlowCommand] = field(default_factory=list)
