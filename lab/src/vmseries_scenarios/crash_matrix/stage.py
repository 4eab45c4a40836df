"""The lab in this very process, so that it can be forked: one world for each point."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from vmseries_lab.aws.requests import Call, Fault
from vmseries_lab.client import environment_for
from vmseries_lab.core.world import REGION
from vmseries_lab.server import Laboratory
from vmseries_scenarios import deployment

FIXTURE = "tests/fixtures/crash-matrix"
APPLY_PACE = 60.0
PARALLELISM = 60
"""The provider sleeps, half a minute at each queue."""
STEP_SECONDS = 20.0
"""How far the clock is moved at a time: less than anything here has to be waited for."""
REST_SECONDS = 0.004
LONGEST_REST_SECONDS = 0.1
IN_FLIGHT_LIMIT_SECONDS = 240.0
"""Real time after which a function that still runs is a defect of the matrix."""
LOADED = (
    "aws_lambda_powertools.utilities.parameters",
    "vmseries_autoscale.panorama.client",
)
"""What the functions load when they first need it."""
SERVICES = ("autoscaling", "ec2", "elbv2", "secretsmanager", "sqs")
"""What they make clients of."""


class Stage:
    """A lab with the module applied.

    Attributes:
        now: the lab's time when it was made to stand still.
    """

    def __init__(self) -> None:
        self.lab = Laboratory()
        self.now = 0.0
        self._clients: dict[str, Any] = {}

    def set_up(self, folder: Path) -> None:
        """Apply the fixture with the real Terraform, and stand still."""
        serving = threading.Thread(target=self.lab.server.serve_forever, args=(0.01,), daemon=True)
        pumping = threading.Thread(target=self.lab.pump.run, daemon=True)
        serving.start()
        pumping.start()
        self.lab.pump.pace = APPLY_PACE
        deployment.copy(self, FIXTURE, folder / "copy").apply(  # type: ignore[arg-type]
            limit=600, parallelism=PARALLELISM
        )
        self.lab.pump.stop()
        pumping.join()
        for service in ("autoscaling", "cloudwatch", "ec2", "elbv2", "events", "lambda", "sqs"):
            self.client(service)
        # With the first one come the account's keys, which take longer than many a point.
        self.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)
        self.stand_still()
        serving.join()

    def environment(self) -> dict[str, str]:
        """What Terraform is told about the lab."""
        return environment_for(self.lab.world.endpoint)

    @property
    def aws(self) -> Self:
        """The part of a lab that has :meth:`environment`, for ``deployment.copy``."""
        return self

    def keep_templates(self, *functions: str) -> None:
        """Load these functions once for all workers that are started from now on."""
        for name in functions:
            self.lab.functions.templates.keep(name, LOADED, SERVICES)

    def stand_still(self) -> None:
        """Come to rest, ready to be forked."""
        self.settle()
        self.now = self.lab.world.clock.now()
        self.lab.stand_still()

    def close(self) -> None:
        """Remove what the functions were unpacked into, and end their templates."""
        self.lab.functions.stop()

    def go_on(self) -> None:
        """Live on at the time at which it stood still."""
        self.lab.go_on(self.now)

    # -- time --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let everything happen that is due."""
        world, functions = self.lab.world, self.lab.functions
        end = time.monotonic() + IN_FLIGHT_LIMIT_SECONDS
        world.tick()
        while world.busy():
            # Nothing else happens while a function runs: its time-outs are real, so time stands.
            rest = REST_SECONDS
            while functions.running() and time.monotonic() < end:
                world.skip_sleep()
                time.sleep(rest)
                rest = min(1.1 * rest, LONGEST_REST_SECONDS)
            if time.monotonic() > end:
                raise TimeoutError("a function does not end")
            world.tick()

    def run(self, seconds: float, over: Callable[[], bool], look: Callable[[], None]) -> bool:
        """Let time pass, at most ``seconds``, until it is ``over``; whether it came to that.

        Args:
            seconds: of the lab.
            over: asked whenever nothing is in flight.
            look: called just before that.
        """
        end = self.lab.world.clock.now() + seconds
        while True:
            self.settle()
            look()
            if over():
                return True
            if self.lab.world.clock.now() >= end:
                return False
            self.lab.world.clock.jump(STEP_SECONDS)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.run(seconds, lambda: False, lambda: None)

    # -- what can be done --------------------------------------------------------------------------

    def fault(self, **settings: Any) -> None:
        """Let calls fail."""
        self.lab.gate.faults.add(Fault(**settings))

    def client(self, service: str) -> Any:
        """A client of the simulated AWS, wherever it listens now; made once, which takes long."""
        if service not in self._clients:
            make: Any = boto3.client
            credentials = self.environment()
            client = make(
                service,
                endpoint_url="http://lab.invalid",
                region_name=REGION,
                aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"total_max_attempts": 1}),
            )
            client.meta.events.register("before-send.*.*", self._send)
            self._clients[service] = client
        return self._clients[service]

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        where, what = urlsplit(self.lab.world.endpoint), urlsplit(request.url)
        connection = http.client.HTTPConnection(str(where.hostname), where.port)
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        path = f"{what.path}?{what.query}" if what.query else what.path
        connection.request(request.method, path, request.body, headers)
        answer = connection.getresponse()
        raw = _Raw(answer.read())
        connection.close()
        return AWSResponse(
            request.url, answer.status, HTTPHeaders.from_pairs(answer.getheaders()), raw
        )

    def group(self, name: str) -> dict[str, Any]:
        """An Auto Scaling group as it is described."""
        answer = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[name]
        )
        return dict(answer["AutoScalingGroups"][0])

    def calls(self) -> list[Call]:
        """The calls since it stood still, to AWS and to Panorama."""
        logs = self.lab.gate.calls, self.lab.gate.outside
        return sorted(
            (call for log in logs for call in log.latest(self.now)), key=lambda call: call.at
        )

    def targets(self) -> list[dict[str, Any]]:
        """The targets of the target group that addresses are registered in."""
        elbv2 = self.client("elbv2")
        (group,) = elbv2.describe_target_groups(Names=["untrust"])["TargetGroups"]
        answer = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        return list(answer["TargetHealthDescriptions"])

    @cached_property
    def queues(self) -> Any:
        """The queues by name, as the lab keeps them."""
        from moto.sqs.models import sqs_backends  # noqa: PLC0415

        from vmseries_lab.core.world import ACCOUNT_ID  # noqa: PLC0415

        return sqs_backends[ACCOUNT_ID][REGION].queues

    def waiting_for(self, queue: str) -> list[str]:
        """The instance that each message of a queue is about, whether it is visible or not."""
        messages = messages_in(self.queues[queue])
        return [json.loads(m.body).get("detail", {}).get("EC2InstanceId", "") for m in messages]


def messages_in(queue: Any) -> list[Any]:
    """All messages of a queue, visible or not."""
    messages: list[Any] = queue._messages  # noqa: SLF001 - moto lists only the visible ones
    return messages


class _Raw:
    """A body that was read, as urllib3 hands it to botocore."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content
