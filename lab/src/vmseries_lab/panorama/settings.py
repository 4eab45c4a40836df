"""What Panorama's administrators can set on it, as far as the lab heeds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """Settings.

    Attributes:
        multi_config: whether it takes multi-config requests; PAN-OS 10.0 has them switched off by
            default, versions before that do not know them ("Multi-Config Request (API)").
        automatic_commit_lock: each administrator who changes something takes the commit lock
            ("Manage Locks for Restricting Configuration Changes": Automatically Acquire Commit
            Lock).
    """

    multi_config: bool = True
    automatic_commit_lock: bool = False
