"""A pure model of VPC networks: may this packet pass, and what refuses it.

Nothing here knows moto, boto3 or the clock. ``model`` declares the parts of a network; ``passage``
answers for one packet at one interface; ``connections`` follows a connection through all gateways.
Each :class:`~vmseries_lab.network.verdicts.Verdict` names the rule, table or group that decided.

Amazon VPC User Guide: https://docs.aws.amazon.com/vpc/latest/userguide/
"""

from __future__ import annotations

from vmseries_lab.network.connections import connect
from vmseries_lab.network.model import Network
from vmseries_lab.network.packets import Packet
from vmseries_lab.network.passage import (
    may_arrive,
    may_leave,
    reply_may_arrive,
    reply_may_leave,
)
from vmseries_lab.network.verdicts import Check, Verdict

__all__ = [
    "Check",
    "Network",
    "Packet",
    "Verdict",
    "connect",
    "may_arrive",
    "may_leave",
    "reply_may_arrive",
    "reply_may_leave",
]
