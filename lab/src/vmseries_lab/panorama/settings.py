"""Panorama's settings, as far as they are simulated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """Settings.

    Attributes:
        multi_config: whether it takes multi-config requests; PAN-OS 10.0 has them switched off by
            default, versions before that do not know them ("Multi-Config Request (API)").
        absent_refused: within a multi-config request, deleting what is not there is refused with
            code 7, as all of the request then; otherwise it succeeds with that code, as it does by
            itself. Which of the two PAN-OS does is recorded nowhere.
        automatic_commit_lock: each administrator who changes something takes the commit lock
            ("Manage Locks for Restricting Configuration Changes": Automatically Acquire Commit
            Lock).
    """

    multi_config: bool = True
    absent_refused: bool = False
    automatic_commit_lock: bool = False
