"""Quirks: deviations of a firewall from the normal case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Quirks:
    """The quirks of a firewall.

    Attributes:
        registers: whether it registers with Panorama.
        seen_at: address that Panorama sees, if there is NAT between them.
        reaches_licensing: whether it can reach the licensing API after it was licensed.
        hostname: host name that its administrator has set; empty for that of its bootstrap.
        auto_commit_failure: reason why the auto-commit of its next boot fails; empty if it does
            not.
    """

    registers: bool = True
    seen_at: str = ""
    reaches_licensing: bool = True
    hostname: str = ""
    auto_commit_failure: str = ""

    def changed(self, **changes: Any) -> Self:
        """Return a copy with changes.

        Raises:
            ValueError: for an unknown quirk.
        """
        try:
            return replace(self, **changes)
        except TypeError as error:
            known = ", ".join(self.__slots__)
            raise ValueError(f"unknown quirk: {error}; use some of {known}") from error
