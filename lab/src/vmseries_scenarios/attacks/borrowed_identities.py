"""Firewalls and tags that claim to be another firewall.

A host name or a serial tag alone must not decide whose license is returned, or which firewall
enters service.
"""

from __future__ import annotations

from collections.abc import Iterator

from vmseries_scenarios.attacks.result import Result
from vmseries_scenarios.attacks.site import TAG, Site
from vmseries_scenarios.attacks.watch import SERIAL, Watch
from vmseries_scenarios.deployment import MINUTE

PLAYING_MINUTES = 12
UNTIL_ABANDONED_MINUTES = 90
"""Longer than the deadline of a launch, and the termination of its instance."""

AMBIGUOUS = "identity-ambiguous"
"""Alarm that must be among those that report a borrowed name."""


def play(site: Site) -> Iterator[Result]:
    """Borrow the identity of another firewall in each way."""
    yield _host_name(site)
    yield _serial_tag(site)


def _host_name(site: Site) -> Result:
    """Let a firewall take the host name of a launching instance, which never registers.

    The launch waits until its deadline, and is abandoned. The license and the entries of the
    firewall with the borrowed name must survive this, and the termination of the instance.
    """
    lender = site.members()[0]
    serial = site.attacked.serial(lender)
    watch = Watch(site)
    site.lab.firewalls.set_quirks(registers=False)
    launching = site.launch_one()
    site.lab.firewalls.set_quirks(registers=True)
    site.lab.firewalls.set_quirks(lender, hostname=launching)
    touched: set[str] = set()
    for _ in range(UNTIL_ABANDONED_MINUTES):
        if launching not in site.attacked.group.states():
            break
        if site.attacked.group.states()[launching] == "InService":
            touched.add(f"{launching} is in service, but its firewall never registered")
        if site.attacked.tags(launching).get(SERIAL) == serial:
            touched.add(f"{launching} has the serial number of {lender}")
        site.lab.advance(MINUTE)
    else:
        touched.add(f"{launching} is neither abandoned nor terminated")
    touched.update(watch.touched())
    site.lab.firewalls.set_quirks(lender, hostname="")
    site.restore()
    alarms = watch.alarms()
    reported = alarms if any(alarm.endswith(AMBIGUOUS) for alarm in alarms) else []
    watch.settle()
    return Result(
        "F5: the host name of a launching instance",
        "administrator of one firewall of the group",
        sorted(touched),
        reported,
    )


def _serial_tag(site: Site) -> Result:
    """Tag a firewall with the serial number of a data center's firewall, then scale in.

    The record of the instance counts, and not the tag: its own firewall leaves as usual.
    """
    leaving, data_center = site.members()[0], site.data_center_firewall()
    own = site.attacked.serial(leaving)
    watch = Watch(site, ignored={leaving})
    serial = site.other.serial(data_center)
    site.client("tagger", "ec2").create_tags(
        Resources=[leaving], Tags=[{"Key": SERIAL, "Value": serial}]
    )
    site.attacked.group.terminate(leaving)
    site.lab.advance(PLAYING_MINUTES * MINUTE)
    touched = [*watch.touched(), *site.left_behind(own)]
    reported = [*watch.errors(), *watch.alarms()]
    watch.settle()
    site.restore()
    return Result(
        "F5: the serial number of a data center's firewall as a tag",
        TAG,
        touched,
        reported or ["no report is needed: the instance's own firewall has left"],
    )
