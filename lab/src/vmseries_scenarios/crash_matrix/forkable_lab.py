"""A lab in this process, so that a fork of the process has a lab of its own for each point."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.aws.requests import Call, Fault
from vmseries_lab.client import environment_for
from vmseries_lab.core.location import LOCATION
from vmseries_lab.server import Laboratory
from vmseries_scenarios.deployment import Group, copy_root

FIXTURE = "tests/fixtures/crash-matrix"
APPLY_PACE = 60.0
PARALLELISM = 60
"""How many resources Terraform creates at a time: the provider waits half a minute for a queue."""
STEP_SECONDS = 20.0
"""How far to advance the clock at a time: less than any delay in the scenarios."""
POLL_SECONDS = 0.004
LONGEST_POLL_SECONDS = 0.1
IN_FLIGHT_LIMIT_SECONDS = 240.0
"""Real time after which a function that still runs counts as hanging."""
LOADED = (
    "aws_lambda_powertools.utilities.parameters",
    "vmseries_autoscale.panorama.client",
)
"""Modules that the functions import on first use."""
SERVICES = ("autoscaling", "dynamodb", "ec2", "elbv2", "secretsmanager", "sqs")
"""AWS services that the functions make clients of."""


class ForkableLab:
    """A lab with the module applied, which can pause, be forked, and resume.

    Args:
        fixture: Folder of the root module in the repository.

    Attributes:
        simulator: The simulated AWS and Panorama.
        now: Lab time at which the lab was paused.
    """

    def __init__(self, fixture: str = FIXTURE) -> None:
        self._fixture = fixture
        self.simulator = Laboratory()
        self.now = 0.0
        self._clients: dict[str, Any] = {}

    def set_up(self, folder: Path, prepare: Callable[[], None] = lambda: None) -> None:
        """Apply the root module with the real Terraform, and pause.

        Args:
            folder: Where to copy the root module to.
            prepare: Called when the lab serves, before Terraform starts.
        """
        serving = threading.Thread(
            target=self.simulator.server.serve_forever, args=(0.01,), daemon=True
        )
        pumping = threading.Thread(target=self.simulator.pump.run, daemon=True)
        serving.start()
        pumping.start()
        prepare()
        self.simulator.pump.pace = APPLY_PACE
        workspace = copy_root(self.environment(), self._fixture, folder / "copy")
        workspace.apply(limit=600, parallelism=PARALLELISM)
        self.simulator.pump.stop()
        pumping.join()
        for service in (*SERVICES, "cloudwatch", "events", "lambda"):
            self.client(service)
        # The first EC2 resource creates the account's keys, which takes longer than many points.
        self.client("ec2").create_volume(AvailabilityZone=f"{LOCATION.region}a", Size=1)
        self.pause()
        serving.join()

    def keep_snapshots(self, *functions: str) -> None:
        """Load these functions once, for all workers that are started from now on."""
        for name in functions:
            self.simulator.functions.snapshots.keep(name, LOADED, SERVICES)

    def pause(self) -> None:
        """Wait for everything that is due, then pause, ready to be forked."""
        self.settle()
        self.now = self.simulator.world.clock.now()
        self.simulator.stand_still()

    def close(self) -> None:
        """Delete the unpacked functions, and end their template processes."""
        self.simulator.functions.stop()

    def resume(self) -> None:
        """Resume at the lab time of the pause."""
        self.simulator.go_on(self.now)

    # -- time --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Wait until everything that is due has happened.

        Raises:
            TimeoutError: A function does not end.
        """
        world, functions = self.simulator.world, self.simulator.functions
        end = time.monotonic() + IN_FLIGHT_LIMIT_SECONDS
        world.tick()
        while world.busy():
            # Lab time stands still while functions work.
            pause = POLL_SECONDS
            while functions.running() and time.monotonic() < end:
                world.skip_sleep()
                time.sleep(pause)
                pause = min(1.1 * pause, LONGEST_POLL_SECONDS)
            if time.monotonic() > end:
                raise TimeoutError(f"a function still runs after {IN_FLIGHT_LIMIT_SECONDS:.0f} s")
            world.tick()

    def run(
        self,
        seconds: float,
        is_over: Callable[[], bool] = lambda: False,
        observe: Callable[[], None] = lambda: None,
    ) -> bool:
        """Let lab time pass until a condition holds, or until a limit; return whether it holds.

        Args:
            seconds: Limit of lab time.
            is_over: The condition; checked whenever nothing is in flight.
            observe: Called before each check.
        """
        end = self.simulator.world.clock.now() + seconds
        while True:
            self.settle()
            observe()
            if is_over():
                return True
            if self.simulator.world.clock.now() >= end:
                return False
            self.simulator.world.clock.jump(STEP_SECONDS)

    def advance(self, seconds: float) -> None:
        """Let lab time pass."""
        self.run(seconds)

    # -- faults and clients ------------------------------------------------------------------------

    def fault(self, **settings: Any) -> None:
        """Let calls fail; settings as for ``vmseries_lab.aws.requests.Fault``."""
        self.simulator.pipeline.faults.add(Fault(**settings))

    def client(self, service: str) -> Any:
        """Return a client of the simulated AWS, which each fork serves on a port of its own.

        Clients are made once, since that takes long.
        """
        if service not in self._clients:
            make: Any = boto3.client
            credentials = self.environment()
            client = make(
                service,
                endpoint_url="http://lab.invalid",
                region_name=LOCATION.region,
                aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"total_max_attempts": 1}),
            )
            client.meta.events.register("before-send.*.*", self._send)
            self._clients[service] = client
        return self._clients[service]

    def environment(self) -> dict[str, str]:
        """Return environment variables with which Terraform and SDKs use this lab."""
        return environment_for(self.simulator.world.endpoint, LOCATION.region)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        endpoint, url = urlsplit(self.simulator.world.endpoint), urlsplit(request.url)
        connection = http.client.HTTPConnection(str(endpoint.hostname), endpoint.port)
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        path = f"{url.path}?{url.query}" if url.query else url.path
        connection.request(request.method, path, request.body, headers)
        response = connection.getresponse()
        raw = _Raw(response.read())
        connection.close()
        return AWSResponse(
            request.url, response.status, HTTPHeaders.from_pairs(response.getheaders()), raw
        )

    def group(self, name: str) -> Group:
        """Return an Auto Scaling group."""
        return Group(self, name)

    def role_of(self, function: str) -> str:
        """Return the name of a function's role."""
        return str(backend("lambda").get_function(function).role).rsplit("/", 1)[-1]

    def calls(self) -> list[Call]:
        """Return the calls to AWS and to Panorama since the pause, in order of time."""
        logs = self.simulator.pipeline.calls, self.simulator.pipeline.vendor_calls
        return sorted(
            (call for log in logs for call in log.latest(self.now)), key=lambda call: call.at
        )

    def targets(self) -> list[dict[str, Any]]:
        """Return the targets of the target group of type ip, as DescribeTargetHealth has them."""
        elbv2 = self.client("elbv2")
        (group,) = elbv2.describe_target_groups(Names=["untrust"])["TargetGroups"]
        answer = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        return list(answer["TargetHealthDescriptions"])

    @cached_property
    def queues(self) -> Any:
        """The queues by name, as moto keeps them."""
        return backend("sqs").queues

    def waiting_for(self, queue: str) -> list[str]:
        """Return the instance ID in each message of a queue, visible or not."""
        messages = messages_in(self.queues[queue])
        return [json.loads(m.body).get("detail", {}).get("EC2InstanceId", "") for m in messages]


def messages_in(queue: Any) -> list[Any]:
    """Return all messages of a queue, visible or not."""
    messages: list[Any] = queue._messages  # noqa: SLF001 - moto lists only the visible ones
    return messages


class _Raw:
    """A response body in the form in which botocore reads it from urllib3."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content
