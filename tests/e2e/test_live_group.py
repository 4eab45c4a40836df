"""Changes of a deployment in service: what replaces firewalls, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from vmseries_lab.client import Lab
from vmseries_scenarios.deployment import Deployment, tags_of

GENERATION = "vmseries-autoscale:generation"
REFRESH_MINUTES = 300.0


@dataclass
class LiveGroup(Deployment):
    """The deployment of the fixture, and what EC2 and Auto Scaling show of it."""

    def change(self, **variables: Any) -> None:
        """Apply other variables."""
        self.workspace.variables.update(variables)
        self.apply()

    def refreshes(self) -> list[str]:
        """Return the statuses of all instance refreshes, the newest first."""
        found = self.lab.aws.client("autoscaling").describe_instance_refreshes(
            AutoScalingGroupName=self.name
        )["InstanceRefreshes"]
        return [refresh["Status"] for refresh in found]

    def rules(self) -> dict[str, tuple[Any, ...]]:
        """Return the rules of the module's security groups, by ID."""
        found = self.lab.aws.client("ec2").describe_security_group_rules(
            Filters=[
                {"Name": "group-id", "Values": list(self.outputs["security_group_ids"].values())}
            ]
        )["SecurityGroupRules"]
        return {
            rule["SecurityGroupRuleId"]: (
                rule["GroupId"],
                rule["IsEgress"],
                rule["IpProtocol"],
                rule["FromPort"],
                rule.get("CidrIpv4"),
            )
            for rule in found
        }

    def groups(self) -> dict[str, dict[int, list[str]]]:
        """Return the security groups of each member's interfaces, by device index."""
        return {
            member: {
                interface["Attachment"]["DeviceIndex"]: [
                    group["GroupId"] for group in interface["Groups"]
                ]
                for interface in instance["NetworkInterfaces"]
            }
            for member, instance in self.instances().items()
        }

    def resources(self, member: str) -> dict[str, dict[str, str]]:
        """Return the tags of a member, its volume, its interfaces and its addresses, by ID."""
        instance = self.instance(member)
        interfaces = [each["NetworkInterfaceId"] for each in instance["NetworkInterfaces"]]
        ec2 = self.lab.aws.client("ec2")
        volumes = [device["Ebs"]["VolumeId"] for device in instance["BlockDeviceMappings"]]
        found = {member: tags_of(instance)}
        for each in ec2.describe_volumes(VolumeIds=volumes)["Volumes"]:
            found[each["VolumeId"]] = tags_of(each)
        for each in ec2.describe_network_interfaces(NetworkInterfaceIds=interfaces)[
            "NetworkInterfaces"
        ]:
            found[each["NetworkInterfaceId"]] = tags_of({"Tags": each["TagSet"]})
        for each in ec2.describe_addresses(
            Filters=[{"Name": "network-interface-id", "Values": interfaces}]
        )["Addresses"]:
            found[each["AllocationId"]] = tags_of(each)
        return found


@pytest.mark.apply(seconds=90)
class TestLiveGroup:
    """Each test continues where the one before it has ended."""

    @pytest.fixture(scope="class")
    @classmethod
    def live(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGroup]:
        with Lab() as lab:
            folder = tmp_path_factory.mktemp("live-group") / "copy"
            live = LiveGroup.copy(lab, "tests/fixtures/live-group", folder)
            live.apply()
            live.wait_until_in_service(2)
            yield live
            assert lab.errors() == []

    def test_default_tags_reach_everything(self, live: LiveGroup) -> None:
        assert live.workspace.plan() == ()
        for member in live.group.states():
            resources = live.resources(member)
            assert len(resources) == 4, "an instance, a volume and two interfaces"
            for tags in resources.values():
                assert (tags["CostCenter"], tags["team"]) == ("77", "network")

    def test_other_tags_replace_nobody_and_reach_new_firewalls(self, live: LiveGroup) -> None:
        before, version = (
            set(live.group.states()),
            live.outputs["launch_template"]["latest_version"],
        )
        live.change(tags={"team": "security"}, default_tags={"CostCenter": "78"})
        assert live.outputs["launch_template"]["latest_version"] > version
        assert live.refreshes() == []
        assert set(live.group.states()) == before
        live.group.scale(3)
        live.wait_until_in_service(3)
        (new,) = set(live.group.states()) - before
        tags = live.tags(new)
        assert (tags["CostCenter"], tags["team"]) == ("78", "security")
        assert {live.tags(member)[GENERATION] for member in before} == {tags[GENERATION]}

    def test_an_interface_and_other_groups_start_a_refresh(self, live: LiveGroup) -> None:
        before, rules, groups = set(live.group.states()), live.rules(), live.groups()
        module = live.outputs["security_group_ids"]["management"]
        live.change(untrust=True, own_groups=True)
        assert live.refreshes()[:1] != []
        assert live.rules() == rules
        kept = {member: live.groups()[member] for member in before & set(live.groups())}
        assert kept == {member: groups[member] for member in kept}
        live.wait_until(
            lambda: live.refreshes() == ["Successful"], "the refresh", minutes=REFRESH_MINUTES
        )
        assert live.rules() == rules
        replaced = live.groups()
        assert len(replaced) == 3
        assert not before & set(replaced)
        for member, interfaces in replaced.items():
            assert sorted(interfaces) == [0, 1, 2]
            assert interfaces[1] != [module]
            assert interfaces[2] == [live.outputs["security_group_ids"]["untrust"]]
            resources = live.resources(member)
            assert len(resources) == 6, "an instance, a volume, three interfaces and an address"
            for tags in resources.values():
                assert (tags["CostCenter"], tags["team"]) == ("78", "security")

    def test_other_content_of_the_secret_starts_a_refresh(self, live: LiveGroup) -> None:
        generations = {live.tags(member)[GENERATION] for member in live.group.states()}
        live.change(revision="2")
        assert len(live.refreshes()) == 2
        live.wait_until(
            lambda: live.refreshes() == ["Successful"] * 2, "the refresh", minutes=REFRESH_MINUTES
        )
        new = {live.tags(member)[GENERATION] for member in live.group.states()}
        assert len(generations) == len(new) == 1
        assert generations != new

    def test_what_was_added_is_taken_away_again(self, live: LiveGroup) -> None:
        before, rules, groups = set(live.group.states()), live.rules(), live.groups()
        live.change(untrust=False, own_groups=False)
        assert live.rules() == rules
        kept = {member: live.groups()[member] for member in before & set(live.groups())}
        assert kept == {member: groups[member] for member in kept}
        assert live.workspace.plan() == ()
        live.destroy()
        # Without the input panorama, nothing removes firewalls from their Panorama.
        left = live.lab.leftovers()
        assert (left.interfaces, left.addresses) == (0, 0)
