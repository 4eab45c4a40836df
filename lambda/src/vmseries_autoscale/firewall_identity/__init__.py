"""Identify the firewall of an instance in Panorama, by independent signals and never by a guess.

The serial number decides which license is deactivated and which firewall is removed. A wrong serial
number would affect a running firewall, and others can forge each signal: an administrator of any
firewall sets its host name, and anyone with ``ec2:CreateTags`` writes a serial tag. A signal that
others can forge is therefore never enough, and a contradiction is never resolved by preferring one
signal. What earlier visits found is in the record of the instance; the serial tag of an own
instance is for people, and one of another deployment's instance can only keep a firewall from being
taken for ours. docs/readiness.md lists the situations.

``signals`` compares an instance with a firewall that Panorama lists, ``decision`` decides whether
the signals are enough, and ``result`` declares what can be decided.
"""

from __future__ import annotations

from vmseries_autoscale.firewall_identity.decision import Ask, ask_nobody, identify
from vmseries_autoscale.firewall_identity.result import (
    Ambiguous,
    Identity,
    Misplaced,
    Result,
    Undecided,
    Unidentified,
)
from vmseries_autoscale.firewall_identity.signals import (
    ASKED,
    OtherInstance,
    Signal,
    Subject,
    had_address_before,
    in_our_groups,
    instance_id,
    is_stranger,
    mac_addresses,
    other_instances,
)

__all__ = [
    "ASKED",
    "Ambiguous",
    "Ask",
    "Identity",
    "Misplaced",
    "OtherInstance",
    "Result",
    "Signal",
    "Subject",
    "Undecided",
    "Unidentified",
    "ask_nobody",
    "had_address_before",
    "identify",
    "in_our_groups",
    "instance_id",
    "is_stranger",
    "mac_addresses",
    "other_instances",
]
