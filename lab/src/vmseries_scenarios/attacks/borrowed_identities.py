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
UNTIL_TERMINATED_MINUTES = 60


def play(site: Site) -> Iterator[Result]:
    """Borrow the identity of another firewall in each way."""
    yield _host_name(site)
    yield _serial_tag(site)


def _host_name(site: Site) -> Result:
    """Let a firewall take the host name of a launching instance, which never registers."""
    lender = site.members()[0]
    serial = site.attacked.serial(lender)
    watch = Watch(site)
    site.lab.firewalls.set_quirks(registers=False)
    launching = site.launch_one()
    site.lab.firewalls.set_quirks(registers=True)
    site.lab.firewalls.set_quirks(lender, hostname=launching)
    site.lab.advance(PLAYING_MINUTES * MINUTE)
    touched = watch.touched()
    if site.attacked.group.states().get(launching) == "InService":
        touched.append(f"{launching} is in service, but its firewall never registered")
    if site.attacked.tags(launching).get(SERIAL) == serial:
        touched.append(f"{launching} has the serial number of {lender}")
    # The license of the lender must survive the end of the instance whose name it has.
    site.lab.aws.client("ec2").terminate_instances(InstanceIds=[launching])
    site.attacked.wait_until_terminated(launching, minutes=UNTIL_TERMINATED_MINUTES)
    touched += [line for line in watch.touched() if line not in touched]
    reported = [*watch.errors(), *watch.alarms()]
    site.lab.firewalls.set_quirks(lender, hostname="")
    site.restore()
    watch.settle()
    return Result(
        "F5: the host name of a launching instance",
        "administrator of one firewall of the group",
        touched,
        reported,
    )


def _serial_tag(site: Site) -> Result:
    """Tag a firewall with the serial number of a data center's firewall, then scale in."""
    leaving, data_center = site.members()[0], site.data_center_firewall()
    watch = Watch(site, ignored={leaving})
    serial = site.other.serial(data_center)
    site.client("tagger", "ec2").create_tags(
        Resources=[leaving], Tags=[{"Key": SERIAL, "Value": serial}]
    )
    site.attacked.group.terminate(leaving)
    site.lab.advance(PLAYING_MINUTES * MINUTE)
    touched = watch.touched()
    reported = [*watch.errors(), *watch.alarms()]
    watch.settle()
    site.restore()
    return Result(
        "F5: the serial number of a data center's firewall as a tag", TAG, touched, reported
    )
