"""The account in which a run happens: the lab's, or one of AWS. Everything else is the same code.

Only this module knows the lab. The rest of the run uses the public APIs of AWS and Panorama, and
the clock of the account.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vmseries_lab.client import Lab
from vmseries_lab.licensing_api import API_KEY

MINUTE = 60.0
APPLY_PACE = 60.0
"""Lab seconds per real second while Terraform works."""


FUNCTION_SECONDS = 900
"""A function answers an invocation when it has ended, after 15 minutes at most."""


class AccountError(Exception):
    """The account cannot be used. The text says what to do."""


class Clock(Protocol):
    """The time of an account."""

    def now(self) -> float:
        """Return the time in seconds since the epoch."""

    def wait(self, seconds: float) -> None:
        """Return when this time has passed."""


class Account(Protocol):
    """An account, with its clock.

    Attributes:
        is_lab: Whether it is simulated: its answers settle nothing.
        region: The Region.
        clock: Its time.
    """

    is_lab: bool
    region: str
    clock: Clock

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service."""

    def account_id(self) -> str:
        """Return the account ID."""

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that let Terraform use this account."""

    def address_of(self, hostname: str, port: int) -> tuple[str, int]:
        """Return where to connect for a host and port."""

    def terraform_works(self) -> Any:
        """Return a context manager for the time in which Terraform works."""

    def settle(self, outputs: Mapping[str, Any]) -> None:
        """Do what the user has done in Panorama before a run, with the outputs of the example."""

    def played(self) -> Mapping[str, str]:
        """Return the answers that a simulated account plays, by name of the fact."""

    def faults(self) -> Sequence[str]:
        """Return the errors of a simulated account itself."""

    def close(self) -> None:
        """Release everything."""


class LabClock:
    """Lab time, which passes only in :meth:`wait`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def now(self) -> float:
        """Return lab time."""
        return self._lab.now()

    def wait(self, seconds: float) -> None:
        """Advance lab time."""
        self._lab.advance(seconds)


class RealClock:
    """The time of this machine."""

    def now(self) -> float:
        """Return the time."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


class LabAccount:
    """The account of a new lab."""

    is_lab = True

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._lab = Lab()
        self._lab.start()
        try:
            self._played = self._lab.assume(**answers)
            if answers.get("target-by-custom-role") == "refused":
                # Otherwise, nobody could return a license, and each firewall is held for a day.
                self._lab.panorama.configure(licensing_api_key=API_KEY)
        except Exception:
            self._lab.stop()
            raise
        self.region = self._lab.aws.environment()["AWS_REGION"]
        self.clock: Clock = LabClock(self._lab)

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service."""
        return self._lab.aws.client(service)

    def account_id(self) -> str:
        """Return the account ID of the lab."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables that point at the lab only."""
        return self._lab.aws.environment()

    def address_of(self, hostname: str, port: int) -> tuple[str, int]:
        """Return the local address of a host of the lab."""
        address, _, local = self._lab.hosts[f"{hostname}:{port}"].rpartition(":")
        return address, int(local)

    @contextmanager
    def terraform_works(self) -> Iterator[None]:
        """Let lab time pass quickly."""
        self._lab.pace(APPLY_PACE)
        try:
            yield
        finally:
            self._lab.pace(0)

    def settle(self, outputs: Mapping[str, Any]) -> None:
        """Enter the commands of the example's output in Panorama."""
        self._lab.panorama.run_commands(outputs["panorama_set_commands"])

    def played(self) -> Mapping[str, str]:
        """Return the answers of the lab."""
        return self._played

    def faults(self) -> Sequence[str]:
        """Return the errors of the lab."""
        return self._lab.errors()

    def close(self) -> None:
        """Stop the lab; first print its standard error."""
        sys.stderr.write(self._lab.log())
        self._lab.stop()


class AwsAccount:
    """The account of AWS whose credentials are set."""

    is_lab = False

    def __init__(self) -> None:
        # boto3 itself reads only AWS_DEFAULT_REGION; Terraform prefers AWS_REGION.
        self._session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        region = self._session.region_name
        if region is None:
            raise AccountError("No Region is set. Set AWS_REGION to the Region of the example.")
        if self._session.get_credentials() is None:
            raise AccountError(
                "No AWS credentials are set. Set AWS_PROFILE, or the variables of a session."
            )
        self.region = region
        self.clock: Clock = RealClock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service."""
        if service not in self._clients:
            make: Any = self._session.client
            config = Config(
                read_timeout=FUNCTION_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 5},
            )
            self._clients[service] = make(service, config=config)
        return self._clients[service]

    def account_id(self) -> str:
        """Return the ID of the account.

        Raises:
            AccountError: The credentials are not valid.
        """
        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except (ClientError, BotoCoreError) as error:
            raise AccountError(
                f"AWS does not accept the credentials: {type(error).__name__}."
            ) from None

    def environment(self) -> Mapping[str, str]:
        """Return the AWS settings of this process, and where the user's configuration is."""
        own = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        home = os.path.expanduser("~/.aws")  # noqa: PTH111 - a text for a variable
        return {
            "AWS_CONFIG_FILE": f"{home}/config",
            "AWS_SHARED_CREDENTIALS_FILE": f"{home}/credentials",
            "AWS_EC2_METADATA_DISABLED": "false",
            **own,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def address_of(self, hostname: str, port: int) -> tuple[str, int]:
        """Return the host itself."""
        return hostname, port

    @contextmanager
    def terraform_works(self) -> Iterator[None]:
        """Do nothing: time passes by itself."""
        yield

    def settle(self, outputs: Mapping[str, Any]) -> None:
        """Do nothing: the user has configured Panorama."""

    def played(self) -> Mapping[str, str]:
        """Return nothing: AWS plays nothing."""
        return {}

    def faults(self) -> Sequence[str]:
        """Return nothing."""
        return ()

    def close(self) -> None:
        """Do nothing."""
