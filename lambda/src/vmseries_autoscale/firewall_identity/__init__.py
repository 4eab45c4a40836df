"""Identify the firewall of an instance in Panorama, by independent signals and never by a guess.

The serial number decides which license is deactivated and which firewall is removed. A wrong serial
number would affect a running firewall, and others can forge each signal: an administrator of any
firewall sets its host name, and anyone with ``ec2:CreateTags`` writes a serial tag. One signal
that names the instance is therefore never enough, and a contradiction is never resolved by
preferring one signal. docs/readiness.md lists the situations.

``signals`` compares an instance with a firewall that Panorama lists, ``decision`` decides whether
the signals are enough, and ``result`` declares what can be decided.
"""

from __future__ import annotations

from vmseries_autoscale.firewall_identity.decision import identify
from vmseries_autoscale.firewall_identity.result import (
    Ambiguous,
    Identity,
    Result,
    Undecided,
    Unidentified,
    tags_for,
)
from vmseries_autoscale.firewall_identity.signals import (
    OtherInstance,
    Signal,
    Subject,
    in_our_groups,
    instance_id,
    other_instances,
)

__all__ = [
    "Ambiguous",
    "Identity",
    "OtherInstance",
    "Result",
    "Signal",
    "Subject",
    "Undecided",
    "Unidentified",
    "identify",
    "in_our_groups",
    "instance_id",
    "other_instances",
    "tags_for",
]
