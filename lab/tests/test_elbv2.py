"""Load balancers and target groups. Expected responses: documentation, named per test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from vmseries_lab.aws.in_process import InProcessAws, in_process_aws


@pytest.fixture
def aws() -> Iterator[InProcessAws]:
    with in_process_aws() as lab:
        yield lab


@pytest.fixture
def elb(aws: InProcessAws) -> Any:
    return aws.client("elbv2")


def error_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def attributes(elb: Any, target_group: str) -> dict[str, str]:
    found = elb.describe_target_group_attributes(TargetGroupArn=target_group)["Attributes"]
    return {one["Key"]: one["Value"] for one in found}


def registered(aws: InProcessAws, target_group: str) -> str:
    """Run one instance and register it."""
    aws.build_group(hooks=False)
    aws.world.advance(15)
    (instance_id,) = aws.states()
    aws.client("elbv2").register_targets(TargetGroupArn=target_group, Targets=[{"Id": instance_id}])
    return instance_id


def test_arns_contain_the_type(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html"""
    for kind, word in (("gateway", "gwy"), ("network", "net"), ("application", "app")):
        balancer = elb.create_load_balancer(Name=kind, Type=kind, Subnets=aws.subnets)
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        assert f":loadbalancer/{word}/{kind}/" in arn
    aws.build_gateway()
    arn = elb.describe_load_balancers(Names=["gw"])["LoadBalancers"][0]["LoadBalancerArn"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert ":listener/gwy/gw/" in listener["ListenerArn"]


def test_defaults_of_geneve(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html"""
    found = attributes(elb, aws.build_gateway())
    assert found["deregistration_delay.timeout_seconds"] == "300"
    assert found["target_failover.on_deregistration"] == "no_rebalance"
    assert found["target_failover.on_unhealthy"] == "no_rebalance"
    assert found["stickiness.enabled"] == "false"


def test_tcp_resets_can_be_enabled(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html"""
    resets = ("send_tcp_reset.on_unhealthy.enabled", "send_tcp_reset.on_deregistration.enabled")
    group = aws.build_gateway()
    assert {attributes(elb, group)[key] for key in resets} == {"false"}
    elb.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": key, "Value": "true"} for key in resets]
    )
    assert {attributes(elb, group)[key] for key in resets} == {"true"}


def test_attributes_of_a_gateway_listener(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-listeners.html"""
    aws.build_gateway()
    arn = elb.describe_load_balancers(Names=["gw"])["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"][0]["ListenerArn"]

    def modify(key: str, value: str) -> Any:
        return elb.modify_listener_attributes(
            ListenerArn=listener, Attributes=[{"Key": key, "Value": value}]
        )

    found = elb.describe_listener_attributes(ListenerArn=listener)["Attributes"]
    assert {one["Key"]: one["Value"] for one in found} == {
        "tcp.idle_timeout.seconds": "350",
        "send_tcp_reset.on_idle_timeout.enabled": "false",
    }
    modify("tcp.idle_timeout.seconds", "6000")
    modify("send_tcp_reset.on_idle_timeout.enabled", "true")
    for key, value in (
        ("tcp.idle_timeout.seconds", "59"),
        ("tcp.idle_timeout.seconds", "6001"),
        ("send_tcp_reset.on_idle_timeout.enabled", "yes"),
        ("routing.http.response.server.enabled", "true"),
    ):
        assert error_of(modify, key=key, value=value) == "ValidationError"


@pytest.mark.parametrize(
    "wanted",
    [
        {"target_failover.on_deregistration": "rebalance"},
        {
            "target_failover.on_deregistration": "banana",
            "target_failover.on_unhealthy": "banana",
        },
        {"deregistration_delay.timeout_seconds": "3601"},
        {"stickiness.type": "lb_cookie"},
        {"send_tcp_reset.on_unhealthy.enabled": "yes"},
        {"send_tcp_reset.on_unhealthy.enabled": "true", "stickiness.enabled": "true"},
        {
            "send_tcp_reset.on_deregistration.enabled": "true",
            "target_failover.on_deregistration": "rebalance",
            "target_failover.on_unhealthy": "rebalance",
        },
        {"slow_start.duration_seconds": "30"},
    ],
)
def test_attributes_that_geneve_does_not_take(
    aws: InProcessAws, elb: Any, wanted: dict[str, str]
) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/edit-target-group-attributes.html"""
    target_group = aws.build_gateway()
    before = attributes(elb, target_group)
    code = error_of(
        elb.modify_target_group_attributes,
        TargetGroupArn=target_group,
        Attributes=[{"Key": key, "Value": value} for key, value in wanted.items()],
    )
    assert code == "ValidationError"
    assert attributes(elb, target_group) == before


@pytest.mark.parametrize(
    "wanted",
    [
        {"Port": 80},
        {"HealthCheckProtocol": "UDP"},
        {"HealthCheckIntervalSeconds": 301},
        {"HealthyThresholdCount": 11},
        {"HealthCheckProtocol": "HTTP", "Matcher": {"HttpCode": "200-499"}},
    ],
)
@pytest.mark.refused("elbv2:CreateTargetGroup")
def test_target_groups_that_geneve_does_not_take(
    aws: InProcessAws, elb: Any, wanted: dict[str, Any]
) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"""
    usual = {"Name": "t", "Protocol": "GENEVE", "Port": 6081, "VpcId": aws.vpc}
    assert error_of(elb.create_target_group, **{**usual, **wanted}) == "ValidationError"


def test_health_check_codes_of_a_geneve_group(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html"""
    target_group = aws.build_gateway()
    change = {"TargetGroupArn": target_group, "HealthCheckProtocol": "HTTP"}
    elb.modify_target_group(**change, Matcher={"HttpCode": "200,301-302"})
    refused = error_of(elb.modify_target_group, **change, Matcher={"HttpCode": "401"})
    assert refused == "ValidationError"


def test_path_and_codes_end_with_a_health_check_by_tcp(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html"""
    arn = aws.build_gateway()

    def health_check(**change: Any) -> tuple[Any, Any]:
        elb.modify_target_group(TargetGroupArn=arn, **change)
        group = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
        return group.get("HealthCheckPath"), group.get("Matcher")

    codes = {"HttpCode": "200-299"}
    by_http = health_check(HealthCheckProtocol="HTTP", HealthCheckPath="/up", Matcher=codes)
    assert by_http == ("/up", codes)
    assert health_check(HealthCheckIntervalSeconds=20) == ("/up", codes)
    assert health_check(HealthCheckProtocol="TCP") == (None, None)


def test_health_follows_the_checks(aws: InProcessAws) -> None:
    """Three checks in a row, five seconds apart, decide.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/health-checks.html
    """
    target_group = aws.build_gateway()
    instance_id = registered(aws, target_group)
    assert aws.health(target_group) == {instance_id: "initial"}
    aws.world.advance(10)
    assert aws.health(target_group) == {instance_id: "initial"}
    aws.world.advance(6)
    assert aws.health(target_group) == {instance_id: "healthy"}
    aws.silent.add(instance_id)
    aws.world.advance(10)
    assert aws.health(target_group) == {instance_id: "healthy"}
    aws.world.advance(6)
    assert aws.health(target_group) == {instance_id: "unhealthy"}
    aws.silent.clear()
    aws.world.advance(16)
    assert aws.health(target_group) == {instance_id: "healthy"}


def test_deregistered_targets_drain_for_the_delay(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/target-groups.html"""
    target_group = aws.build_gateway(**{"deregistration_delay.timeout_seconds": "60"})
    instance_id = registered(aws, target_group)
    elb.deregister_targets(TargetGroupArn=target_group, Targets=[{"Id": instance_id}])
    aws.world.advance(55)
    assert aws.health(target_group) == {instance_id: "draining"}
    aws.world.advance(10)
    assert aws.health(target_group) == {}
    (description,) = elb.describe_target_health(
        TargetGroupArn=target_group, Targets=[{"Id": instance_id}]
    )["TargetHealthDescriptions"]
    assert description["TargetHealth"]["State"] == "unused"
    assert description["TargetHealth"]["Reason"] == "Target.NotRegistered"
    assert aws.kinds(instance_id)[-3:] == ["target-registered", "target-draining", "target-drained"]


def test_a_terminated_instance_stays_a_target_in_an_invalid_state(
    aws: InProcessAws, elb: Any
) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html"""
    target_group, instance_id = terminated_target(aws)
    (described,) = elb.describe_target_health(TargetGroupArn=target_group)[
        "TargetHealthDescriptions"
    ]
    assert described["TargetHealth"]["State"] == "unused"
    assert described["TargetHealth"]["Reason"] == "Target.InvalidState"
    elb.deregister_targets(TargetGroupArn=target_group, Targets=[{"Id": instance_id}])
    aws.world.advance(310)
    assert aws.health(target_group) == {}


def test_a_terminated_instance_may_be_deregistered_by_elastic_load_balancing(
    aws: InProcessAws,
) -> None:
    aws.world.assumptions.set(terminated_target="deregistered")
    target_group, instance_id = terminated_target(aws)
    assert aws.health(target_group) == {instance_id: "draining"}
    aws.world.advance(310)
    assert aws.health(target_group) == {}


def terminated_target(aws: InProcessAws) -> tuple[str, str]:
    """Return a target group of a gateway, and a target that has terminated."""
    target_group = aws.build_gateway()
    instance_id = registered(aws, target_group)
    aws.world.advance(60)
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
    aws.world.advance(20)
    return target_group, instance_id


def test_targets_without_a_listener_are_unused(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html"""
    target_group = aws.build_gateway()
    instance_id = registered(aws, target_group)
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    elb.delete_listener(ListenerArn=listener["ListenerArn"])
    assert aws.health(target_group) == {instance_id: "unused"}


def test_only_running_instances_can_be_registered(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html"""
    target_group = aws.build_gateway()
    aws.build_group(hooks=False)
    aws.world.advance(1)
    (pending,) = aws.states()
    for target in (pending, "i-0123456789abcdef0"):
        code = error_of(elb.register_targets, TargetGroupArn=target_group, Targets=[{"Id": target}])
        assert code == "InvalidTarget"


@pytest.fixture
def web(aws: InProcessAws, elb: Any) -> str:
    """A target group of type ip behind a Network Load Balancer."""
    balancer = elb.create_load_balancer(Name="web", Type="network", Subnets=aws.subnets)
    target_group = elb.create_target_group(
        Name="web",
        Protocol="TCP",
        Port=443,
        VpcId=aws.vpc,
        TargetType="ip",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=3,
        HealthyThresholdCount=3,
        UnhealthyThresholdCount=3,
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="TCP",
        Port=443,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "60"}
    elb.modify_target_group_attributes(TargetGroupArn=target_group, Attributes=[delay])
    return str(target_group)


class TestAddresses:
    """Target groups of type ip.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html
    """

    def address(self, aws: InProcessAws) -> str:
        aws.build_group(hooks=False)
        aws.world.advance(15)
        (instance_id,) = aws.states()
        return str(aws.instance(instance_id)["PrivateIpAddress"])

    def test_health_is_that_of_the_instance_with_the_address(
        self, aws: InProcessAws, elb: Any, web: str
    ) -> None:
        """An address stays registered after its instance was terminated."""
        address = self.address(aws)
        elb.register_targets(TargetGroupArn=web, Targets=[{"Id": address, "Port": 8443}])
        aws.world.advance(16)
        assert aws.health(web) == {address: "healthy"}
        (instance_id,) = aws.states()
        aws.client("ec2").terminate_instances(InstanceIds=[instance_id])
        aws.world.advance(60)
        assert aws.health(web) == {address: "unhealthy"}

    def test_a_target_is_one_of_address_and_port(
        self, aws: InProcessAws, elb: Any, web: str
    ) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html"""
        address = self.address(aws)
        elb.register_targets(TargetGroupArn=web, Targets=[{"Id": address, "Port": 8443}])
        elb.deregister_targets(TargetGroupArn=web, Targets=[{"Id": address}])
        assert aws.health(web) == {address: "initial"}
        elb.deregister_targets(TargetGroupArn=web, Targets=[{"Id": address, "Port": 8443}])
        assert aws.health(web) == {address: "draining"}

    def test_an_address_comes_back_when_it_has_drained(
        self, aws: InProcessAws, elb: Any, web: str
    ) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html"""
        wanted = {"TargetGroupArn": web, "Targets": [{"Id": self.address(aws), "Port": 443}]}
        elb.register_targets(**wanted)
        elb.deregister_targets(**wanted)
        assert error_of(elb.register_targets, **wanted) == "InvalidTarget"
        aws.world.advance(65)
        assert aws.health(web) == {}
        elb.register_targets(**wanted)

    @pytest.mark.parametrize("address", ["203.0.113.7", "i-0123456789abcdef0"])
    def test_only_private_addresses_can_be_registered(
        self, elb: Any, web: str, address: str
    ) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html"""
        code = error_of(elb.register_targets, TargetGroupArn=web, Targets=[{"Id": address}])
        assert code == "InvalidTarget"


def test_deletion_protection(aws: InProcessAws, elb: Any) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html"""
    aws.build_gateway()
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    for value in ("true", "false"):
        elb.modify_load_balancer_attributes(
            LoadBalancerArn=arn,
            Attributes=[{"Key": "deletion_protection.enabled", "Value": value}],
        )
        if value == "true":
            assert (
                error_of(elb.delete_load_balancer, LoadBalancerArn=arn) == "OperationNotPermitted"
            )
    elb.delete_load_balancer(LoadBalancerArn=arn)


class TestReachability:
    """Health checks pass security groups and network ACLs from the load balancer's nodes.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html#target-security-groups
    """

    RULE: ClassVar[dict[str, Any]] = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}

    def admit(self, aws: InProcessAws, cidr: str) -> None:
        ec2 = aws.client("ec2")
        groups = ec2.describe_security_groups(GroupIds=[aws.security_group])["SecurityGroups"]
        ec2.revoke_security_group_ingress(
            GroupId=aws.security_group, IpPermissions=groups[0]["IpPermissions"]
        )
        if cidr:
            ec2.authorize_security_group_ingress(
                GroupId=aws.security_group,
                IpPermissions=[{**self.RULE, "IpRanges": [{"CidrIp": cidr}]}],
            )

    def own_network(self, aws: InProcessAws, instance_id: str) -> str:
        subnet_id = aws.instance(instance_id)["SubnetId"]
        (subnet,) = aws.client("ec2").describe_subnets(SubnetIds=[subnet_id])["Subnets"]
        return str(subnet["CidrBlock"])

    def test_a_target_without_rules_is_not_healthy(self, aws: InProcessAws) -> None:
        """It becomes unhealthy when its rules are deleted."""
        target_group = aws.build_gateway()
        instance_id = registered(aws, target_group)
        aws.world.advance(16)
        assert aws.health(target_group) == {instance_id: "healthy"}
        self.admit(aws, "")
        aws.world.advance(16)
        assert aws.health(target_group) == {instance_id: "unhealthy"}

    def test_the_timeline_says_when_the_tunnel_is_refused(self, aws: InProcessAws) -> None:
        """Health checks may pass where GENEVE does not; both directions need a rule."""
        instance_id = registered(aws, aws.build_gateway())
        aws.world.advance(16)
        self.admit(aws, "0.0.0.0/0")
        aws.world.advance(16)
        groups = {"GroupId": aws.security_group}
        geneve = {"IpProtocol": "udp", "FromPort": 6081, "ToPort": 6081}
        rule = {**geneve, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        aws.client("ec2").authorize_security_group_ingress(**groups, IpPermissions=[rule])
        aws.world.advance(16)
        entries = [e for e in aws.world.timeline.since() if e.kind.startswith("tunnel-")]
        assert [(e.kind, e.subject) for e in entries] == [
            ("tunnel-refused", instance_id),
            ("tunnel-passes", instance_id),
        ]
        assert "security group" in entries[0].detail["reason"]
        assert not [e for e in aws.world.timeline.since() if e.kind == "target-unhealthy"]

    @pytest.mark.parametrize(("cross_zone", "state"), [("false", "healthy"), ("true", "unhealthy")])
    def test_cross_zone_load_balancing_adds_the_nodes_of_other_zones(
        self, aws: InProcessAws, elb: Any, cross_zone: str, state: str
    ) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-cross-zone.html"""
        target_group = aws.build_gateway()
        (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
        elb.modify_load_balancer_attributes(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Attributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": cross_zone}],
        )
        instance_id = registered(aws, target_group)
        self.admit(aws, self.own_network(aws, instance_id))
        aws.world.advance(16)
        assert aws.health(target_group) == {instance_id: state}

    @pytest.mark.parametrize("egress", [False, True])
    def test_network_acls_filter_checks_and_their_replies(
        self, aws: InProcessAws, elb: Any, egress: bool
    ) -> None:
        """https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html"""
        target_group = aws.build_gateway()
        (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
        elb.modify_load_balancer_attributes(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Attributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}],
        )
        instance_id = registered(aws, target_group)
        aws.world.advance(16)
        assert aws.health(target_group) == {instance_id: "healthy"}
        ec2 = aws.client("ec2")
        filters = [{"Name": "vpc-id", "Values": [aws.vpc]}]
        (acl,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
        entry = {"NetworkAclId": acl["NetworkAclId"], "Egress": egress}
        ec2.delete_network_acl_entry(RuleNumber=100, **entry)
        ec2.create_network_acl_entry(
            RuleNumber=100,
            Protocol="6",
            RuleAction="allow",
            CidrBlock="0.0.0.0/0",
            PortRange={"From": 80, "To": 80},
            **entry,
        )
        aws.world.advance(16)
        assert aws.health(target_group) == {instance_id: "unhealthy"}

    def test_a_target_in_a_zone_that_is_not_enabled_is_unused(
        self, aws: InProcessAws, elb: Any
    ) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html"""
        every = aws.subnets
        target_group = aws.build_gateway()
        instance_id = registered(aws, target_group)
        home = aws.instance(instance_id)["SubnetId"]
        (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
        elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
        smaller = elb.create_load_balancer(
            Name="smaller", Type="gateway", Subnets=[each for each in every if each != home]
        )["LoadBalancers"][0]["LoadBalancerArn"]
        elb.create_listener(
            LoadBalancerArn=smaller,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )
        aws.world.advance(16)
        assert aws.health(target_group) == {instance_id: "unused"}
