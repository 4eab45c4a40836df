"""Simulated settings of Panorama."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    multi_config: bool = True
    absent_rejected: bool = False
    automatic_commit_lock: bool = False
