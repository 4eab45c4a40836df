"""Start an instance refresh, and observe the healthy targets until it has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vmseries_scenarios.deployment import MINUTE, Deployment, DeploymentError

STEP_SECONDS = 10.0
LIMIT_MINUTES = 300.0
AFTERWARDS_SECONDS = 5 * MINUTE
"""How long to observe after the end of the refresh: connections are still being drained."""

OTHER_TYPE = "m5.2xlarge"
"""An instance type that changes the launch template."""

OLD_WARMUP_SECONDS = 120
"""The warm-up of the negative control: it does not include the boot."""

DEFAULTS = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 134}
"""The preferences that the module starts an instance refresh with."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the public APIs show at one time.

    Attributes:
        at: Lab seconds since the start of the refresh.
        healthy: Number of healthy targets.
        in_service: Number of members in service.
    """

    at: float
    healthy: int
    in_service: int


@dataclass(frozen=True, slots=True)
class Observation:
    """An instance refresh from its start to its end.

    Attributes:
        mode: Name of the readiness mode.
        warmup: Default instance warm-up of the group in seconds.
        desired: Desired number of firewalls.
        replaced: Number of firewalls that were replaced.
        status: Status of the refresh at its end.
        seconds: Duration of the refresh in lab time.
        samples: Observations, oldest first.
    """

    mode: str
    warmup: int
    desired: int
    replaced: int
    status: str
    seconds: float
    samples: tuple[Sample, ...]

    @property
    def fewest(self) -> int:
        """The smallest number of healthy targets."""
        return min(sample.healthy for sample in self.samples)

    @property
    def seconds_short(self) -> float:
        """For how long there were fewer healthy targets than desired."""
        return STEP_SECONDS * sum(sample.healthy < self.desired for sample in self.samples)

    @property
    def problems(self) -> list[str]:
        """What is wrong with the refresh."""
        problems = []
        if self.status != "Successful":
            problems.append(f"{self.mode}: the refresh is {self.status}")
        if self.replaced < self.desired:
            problems.append(f"{self.mode}: {self.replaced} of {self.desired} firewalls replaced")
        if self.fewest < self.desired:
            problems.append(
                f"{self.mode}: {self.fewest} healthy targets instead of {self.desired}, "
                f"{self.seconds_short:.0f} s with fewer than desired"
            )
        return problems


def refresh(deployment: Deployment, mode: str, instance_type: str = OTHER_TYPE) -> Observation:
    """Change the launch template with Terraform, which starts the refresh, and observe it.

    The clock stands still during the apply, so that no moment of the refresh is missed.
    """
    with deployment.clock_stopped():
        old = _prepare(deployment)
        deployment.workspace.variables["instance_type"] = instance_type
        deployment.workspace.apply()
        return _observe(deployment, mode, old)


def refresh_with_short_warmup(deployment: Deployment) -> Observation:
    """Refresh the group with a warm-up that the module refuses where readiness is ``off``."""
    autoscaling = deployment.lab.aws.client("autoscaling")
    with deployment.clock_stopped():
        old = _prepare(deployment)
        autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=deployment.name, DefaultInstanceWarmup=OLD_WARMUP_SECONDS
        )
        autoscaling.start_instance_refresh(
            AutoScalingGroupName=deployment.name, Preferences={**DEFAULTS, "SkipMatching": False}
        )
        return _observe(deployment, "off, too short a warm-up", old)


def _prepare(deployment: Deployment) -> frozenset[str]:
    """Wait until as many members as desired exist, all healthy targets, and return them."""
    desired = int((deployment.group.describe() or {})["DesiredCapacity"])
    deployment.wait_until(
        lambda: deployment.group.is_in_service(desired) and _healthy(deployment) >= desired,
        "all firewalls healthy",
        minutes=60,
    )
    return frozenset(deployment.group.states())


def _observe(deployment: Deployment, mode: str, old: Iterable[str]) -> Observation:
    lab, began = deployment.lab, deployment.lab.now()
    samples: list[Sample] = []
    ended: float | None = None
    while ended is None or lab.now() - ended < AFTERWARDS_SECONDS:
        in_service = deployment.group.count_states()["InService"]
        samples.append(Sample(lab.now() - began, _healthy(deployment), in_service))
        if ended is None and _refresh(deployment)["Status"] not in {"Pending", "InProgress"}:
            ended = lab.now()
        if lab.now() - began > LIMIT_MINUTES * MINUTE:
            raise DeploymentError(f"{mode}: the refresh takes longer than {LIMIT_MINUTES} minutes")
        lab.advance(STEP_SECONDS)
    group = deployment.group.describe() or {}
    # The last one that was replaced still drains its connections.
    serving = {key for key, state in deployment.group.states().items() if state == "InService"}
    return Observation(
        mode=mode,
        warmup=int(group["DefaultInstanceWarmup"]),
        desired=int(group["DesiredCapacity"]),
        replaced=len(set(old) - serving),
        status=str(_refresh(deployment)["Status"]),
        seconds=ended - began,
        samples=tuple(samples),
    )


def _refresh(deployment: Deployment) -> Mapping[str, Any]:
    """Return the newest refresh of the group."""
    answer = deployment.lab.aws.client("autoscaling").describe_instance_refreshes(
        AutoScalingGroupName=deployment.name
    )
    return dict(answer["InstanceRefreshes"][0])


def _healthy(deployment: Deployment) -> int:
    """Return how many targets of the group are healthy."""
    group = deployment.group.describe() or {}
    elbv2 = deployment.lab.aws.client("elbv2")
    (arn,) = group["TargetGroupARNs"]
    targets = elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return sum(target["TargetHealth"]["State"] == "healthy" for target in targets)
