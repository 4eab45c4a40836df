"""What may be odd about a firewall, for the cases in which it is not as one expects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Oddities:
    """How one firewall differs from others.

    Attributes:
        registers: whether it joins Panorama, of which it was told.
        seen_at: the address at which Panorama sees it, where there is NAT between them.
        reaches_licensing: whether it can reach the vendor's licensing service once it is licensed.
        auto_commit_failure: why the auto-commit of its next boot fails; empty if it does not.
    """

    registers: bool = True
    seen_at: str = ""
    reaches_licensing: bool = True
    auto_commit_failure: str = ""

    def changed(self, **changes: Any) -> Self:
        """The same with some changes.

        Raises:
            ValueError: for an oddity that does not exist.
        """
        try:
            return replace(self, **changes)
        except TypeError as error:
            known = ", ".join(self.__slots__)
            raise ValueError(f"there is no such oddity: {error}; there is {known}") from error
