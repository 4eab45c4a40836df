"""Verdicts: whether something lets a packet pass, and which rule, table or group decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vmseries_lab.network.model import Route


class Check(StrEnum):
    """What a packet has to pass."""

    ADDRESS = "source/destination check"
    GROUP_OUT = "security group, outbound"
    GROUP_IN = "security group, inbound"
    ACL_OUT = "network ACL, outbound"
    ACL_IN = "network ACL, inbound"
    ROUTE = "route table"
    GATEWAY = "gateway"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one or several checks.

    Attributes:
        passed: whether the packet passes.
        check: the check that refused it, or the last one that it passed.
        where: ID of the group, ACL, table, gateway or interface that decided.
        reason: a sentence that names the rule that decided.
        route: the route that a packet takes, if a route table was asked.
    """

    passed: bool
    check: Check
    where: str
    reason: str
    route: Route | None = None

    def __bool__(self) -> bool:
        """Whether the packet passes."""
        return self.passed

    def __str__(self) -> str:
        """Return the verdict as text."""
        return f"{self.check} {self.where}: {self.reason}"
