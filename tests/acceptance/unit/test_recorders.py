"""What the recorders conclude from what public APIs show."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from acceptance import recorders
from acceptance.history import machine_of
from acceptance.recorders import identity, images, instances, metrics, panorama_lists
from acceptance.unit.support import (
    ADDRESS,
    INSTANCE,
    MAC,
    SERIAL,
    START,
    device,
    interface,
    machine,
    snapshot,
)

BOTH = (interface(0), interface(1))
SERVING, HELD = {INSTANCE: "InService"}, {INSTANCE: "Terminating:Wait"}


def test_names_are_unique_and_each_fact_has_a_reason_for_no_answer() -> None:
    names = [fact.name for fact in recorders.FACTS] + list(recorders.NOT_RECORDED)
    assert len(names) == len(set(names))
    assert all(fact.question.endswith("?") and fact.unseen for fact in recorders.FACTS)


@pytest.mark.parametrize(
    ("hostname", "kind"),
    [
        (INSTANCE, "instance-id"),
        (f"{INSTANCE}.ec2.internal", "instance-id"),
        ("ip-10-110-10-57", "ip-name"),
        ("IP-10-110-10-57.ec2.internal", "ip-name"),
        ("PA-VM", "pa-vm"),
        ("ip-10-110-10-58", "other"),
        ("", "none"),
    ],
)
def test_a_host_name_is_classified_by_its_form(hostname: str, kind: str) -> None:
    look = snapshot(0, SERVING, {INSTANCE: machine("running", *BOTH)}, device(hostname))
    answer = identity.late_interface_host_name([look])
    assert answer is not None
    assert answer.value == kind


def test_firewalls_that_are_booting_gone_or_disconnected_say_nothing() -> None:
    shown = {INSTANCE: machine("running", *BOTH)}
    looks = [
        snapshot(0, {INSTANCE: "Pending:Wait"}, shown, device()),
        snapshot(1, SERVING, shown, device(connected=False)),
        snapshot(2, SERVING, shown),
        snapshot(3, {}, {}),
    ]
    assert identity.late_interface_host_name(looks) is None
    assert identity.address_in_panorama(looks) is None


@pytest.mark.parametrize(("address", "kind"), [(ADDRESS, "same-as-ec2"), ("192.0.2.7", "other")])
def test_an_address_is_compared_with_that_of_ec2(address: str, kind: str) -> None:
    look = snapshot(0, SERVING, {INSTANCE: machine("running", *BOTH)}, device(address=address))
    answer = identity.address_in_panorama([look])
    assert answer is not None
    assert answer.value == kind
    assert address not in str(answer)


@pytest.mark.parametrize(
    ("mac", "kind"),
    [
        (MAC.upper(), "interface-1"),
        ("0a:00:00:00:00:00", "interface-0"),
        ("", "not-shown"),
        ("x", "none-of-ec2"),
    ],
)
def test_the_management_interface_is_identified_by_its_mac_address(mac: str, kind: str) -> None:
    assert identity.mac_kind(machine("running", *BOTH), mac) == kind


def test_tags_of_terminated_instances_are_seen_for_minutes() -> None:
    gone = [snapshot(60 * n, {}, {INSTANCE: machine("terminated")}) for n in range(4)]
    answer = instances.tags_of_terminated(gone)
    assert answer is not None
    assert (answer.value, answer.detail[:17]) == ("shown", "seen for 3 minute")


def test_a_terminated_instance_without_tags_has_hidden_tags() -> None:
    answer = instances.tags_of_terminated(
        [snapshot(0, {}, {INSTANCE: machine("terminated", tagged=False)})]
    )
    assert answer is not None
    assert answer.value == "hidden"
    assert instances.tags_of_terminated([snapshot(0, SERVING, {INSTANCE: machine()})]) is None


@pytest.mark.parametrize(("delay", "value"), [(0, "at-once"), (30, "at-once"), (300, "later")])
def test_the_time_between_the_hooks_end_and_shutting_down_is_measured(
    delay: int, value: str
) -> None:
    looks = [snapshot(0, HELD, {INSTANCE: machine()})]
    looks += [
        snapshot(30 + s, {INSTANCE: "Terminating:Proceed"}, {INSTANCE: machine()})
        for s in range(0, delay, 30)
    ]
    looks.append(snapshot(30 + delay, {}, {INSTANCE: machine("shutting-down")}))
    answer = instances.shutting_down_after_hook(looks)
    assert answer is not None
    assert answer.value == value


def test_a_hook_that_was_not_seen_to_end_says_nothing() -> None:
    assert instances.shutting_down_after_hook([snapshot(0, HELD, {INSTANCE: machine()})]) is None
    looks = [
        snapshot(0, HELD, {INSTANCE: machine()}),
        snapshot(30, {INSTANCE: "Terminating:Proceed"}, {INSTANCE: machine()}),
    ]
    assert instances.shutting_down_after_hook(looks) is None


@pytest.mark.parametrize(
    ("states", "visited", "value"),
    [
        (["InService", "Standby", "Pending", "Pending:Wait", "InService"], False, "run"),
        (["InService", "Standby", "Pending", "InService"], False, "none"),
        (["InService", "Standby", "Pending", "InService"], True, "run"),
        (["Pending:Wait", "InService", "EnteringStandby", "Standby", "Pending"], True, None),
        (["Pending:Wait", "InService"], True, None),
    ],
)
def test_the_return_from_standby_shows_whether_hooks_run(
    states: list[str], visited: bool, value: str | None
) -> None:
    looks = [snapshot(5 * n, {INSTANCE: state}) for n, state in enumerate(states)]
    answer = instances.standby_exit_hooks(looks, lambda instance, since: visited)
    assert (answer.value if answer else None) == value


def looks_with_metrics(each: int, *, held_publishes: bool) -> list[tuple[int, int, int]]:
    """Three firewalls for five minutes, then two and one that is held for five."""
    serving = {"i-1": "InService", "i-2": "InService", "i-3": "InService"}
    held = {**serving, "i-3": "Terminating:Wait"}
    looks = [snapshot(60 * n, serving if n < 5 else held) for n in range(10)]
    first = int(START // 60)
    points = {first + n: 3 * each if n < 5 or held_publishes else 2 * each for n in range(10)}
    return metrics.samples_by_minute(looks, points)


@pytest.mark.parametrize(
    ("each", "value"), [(1, "once-a-minute"), (2, "twice-a-minute"), (5, "other")]
)
def test_data_points_are_counted_by_firewall_and_minute(each: int, value: str) -> None:
    minutes = looks_with_metrics(each, held_publishes=True)
    answer = metrics.publishing(minutes)
    assert answer is not None
    assert answer.value == value


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize(("publishes", "value"), [(True, "zeros"), (False, "nothing")])
def test_a_held_firewall_publishes_or_not(each: int, publishes: bool, value: str) -> None:
    minutes = looks_with_metrics(each, held_publishes=publishes)
    answer = metrics.of_a_leaving_firewall(minutes)
    assert answer is not None
    assert answer.value == value


def test_without_metrics_nothing_is_concluded() -> None:
    minutes = [(3, 0, 0), (2, 1, 0)]
    assert metrics.publishing(minutes) is None
    assert metrics.of_a_leaving_firewall(minutes) is None
    assert metrics.dimensions([]) is None
    assert metrics.unit([]) is None


def test_a_minute_in_which_the_group_changes_does_not_count() -> None:
    looks = [snapshot(0, SERVING), snapshot(30, HELD), snapshot(60, {INSTANCE: "Pending"})]
    assert metrics.samples_by_minute(looks, {}) == []


def test_dimensions_and_unit_are_named() -> None:
    shown = [
        {"MetricName": "panA", "Dimensions": []},
        {"MetricName": "panA", "Dimensions": [{"Name": "InstanceId", "Value": INSTANCE}]},
    ]
    answer = metrics.dimensions(shown)
    assert answer is not None
    assert answer.value == "InstanceId and none"
    unit = metrics.unit([{"Unit": "Percent"}, {"Unit": "Percent"}])
    assert unit is not None
    assert unit.value == "Percent"


@pytest.mark.parametrize(("late", "value"), [(0, "in-time"), (1, "late")])
def test_the_newest_minute_of_the_group_metrics_is_compared_with_the_time(
    late: int, value: str
) -> None:
    now = START + 600 + 5
    answer = metrics.group_delay(START + 540 - 60 * late, now)
    assert (answer.value, answer.detail) == (value, f"{late} minutes late")


@pytest.mark.parametrize(
    ("size", "elements", "value"), [(3072, 80, "within"), (3073, 80, "larger"), (1, 81, "larger")]
)
def test_the_size_of_a_listed_device(size: int, elements: int, value: str) -> None:
    assert panorama_lists.list_size(size, elements).value == value


@pytest.mark.parametrize(
    ("serials", "value", "detail"),
    [
        ([SERIAL], "as-expected", "15 to 15 digits"),
        ([SERIAL, "ABC123"], "as-expected", "6 to 15 characters"),
        (["1/2"], "other", "3 to 3 characters"),
        (["1" * 33], "other", "33 to 33 digits"),
    ],
)
def test_the_form_of_serial_numbers(serials: list[str], value: str, detail: str) -> None:
    answer = panorama_lists.serial_form(serials)
    assert answer is not None
    assert (answer.value, answer.detail) == (value, detail)
    assert SERIAL not in str(answer)


@pytest.mark.parametrize(
    ("times", "value", "detail"),
    [
        (["2026-01-01T00:00:00.000Z", None], "none", "2 images, 1 with a date"),
        (
            ["2024-12-01T00:00:00.000Z", "2024-12-22T00:00:00.000Z", None],
            "shown",
            "2 of 3 images are deprecated, the oldest for 31 days",
        ),
    ],
)
def test_deprecated_images_are_counted(times: list[str | None], value: str, detail: str) -> None:
    shown = [{"DeprecationTime": time} if time else {} for time in times]
    answer = images.deprecated(shown, datetime(2025, 1, 1, tzinfo=UTC))
    assert answer is not None
    assert (answer.value, answer.detail) == (value, detail)


def test_without_images_nothing_is_concluded() -> None:
    assert images.deprecated([], datetime(2025, 1, 1, tzinfo=UTC)) is None


def test_an_instance_is_reduced_to_what_the_recorders_need() -> None:
    attachment = {"DeviceIndex": 1}
    described = {
        "InstanceId": INSTANCE,
        "State": {"Name": "running"},
        "Tags": [
            {"Key": "vmseries-autoscale:deployment", "Value": "edge"},
            {"Key": "vmseries-autoscale:serial", "Value": SERIAL},
        ],
        "NetworkInterfaces": [
            {"Attachment": attachment, "MacAddress": MAC.upper(), "PrivateIpAddress": ADDRESS},
            {"NetworkInterfaceId": "eni-1"},
        ],
    }
    assert machine_of(described) == machine("running", interface(1))
