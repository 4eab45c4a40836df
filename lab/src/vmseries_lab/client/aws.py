"""The simulated AWS: clients, environment variables, secrets and limits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

import boto3
from botocore.config import Config

from vmseries_lab.client.control import REQUEST_LIMIT_SECONDS, ControlApi

ACCESS_KEY = "AKIALABLABLABLABLAB1"
SECRETS = "vmseries-autoscale"
"""Name prefix of the secrets that exist when the lab has started."""


class AwsClient:
    """The AWS account of one lab."""

    def __init__(self, control: ControlApi) -> None:
        self._control = control
        self._clients: dict[tuple[str, int], Any] = {}

    def client(self, service: str, attempts: int = 1) -> Any:
        """Return a boto3 client of the simulated AWS.

        Args:
            service: name of the service in boto3.
            attempts: maximum number of attempts per call. The default is 1, so that tests see
                errors unchanged.
        """
        key = (service, attempts)
        if key not in self._clients:
            # The type stubs accept only literals as services.
            make: Any = boto3.client
            self._clients[key] = make(
                service,
                endpoint_url=self._control.endpoint,
                region_name=self._control.region,
                aws_access_key_id=ACCESS_KEY,
                aws_secret_access_key="lab",  # noqa: S106 - the lab checks no signatures
                config=Config(
                    retries={"total_max_attempts": attempts},
                    connect_timeout=5,
                    read_timeout=REQUEST_LIMIT_SECONDS,
                    max_pool_connections=50,
                ),
            )
        return self._clients[key]

    def client_of_role(self, service: str, role_arn: str) -> Any:
        """Return a boto3 client with a new session of a role, whose calls IAM authorizes.

        Args:
            service: name of the service in boto3.
            role_arn: ARN of the role. Its trust policy is not checked, but decides whose session
                it is (``aws.iam.authorizer``).
        """
        sts = self.client("sts")
        session = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self._control.endpoint,
            region_name=self._control.region,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5),
        )

    def environment(self) -> dict[str, str]:
        """Return environment variables that point Terraform and AWS SDKs only at the lab."""
        return environment_for(self._control.endpoint, self._control.region)

    def secret(self, name: str) -> dict[str, str]:
        """Return the content of the secret ``vmseries-autoscale/<name>``."""
        manager = self.client("secretsmanager")
        response = manager.get_secret_value(SecretId=f"{SECRETS}/{name}")
        content: dict[str, str] = json.loads(response["SecretString"])
        return content

    def change_secret(self, name: str, **values: str) -> None:
        """Change values in the secret ``vmseries-autoscale/<name>``, and keep the others."""
        content = json.dumps(self.secret(name) | values)
        manager = self.client("secretsmanager")
        manager.put_secret_value(SecretId=f"{SECRETS}/{name}", SecretString=content)

    def invoke(self, function: str, payload: Any) -> tuple[Any, bool]:
        """Invoke a function; return what it answers, and whether it failed."""
        client = self.client("lambda")
        answer = client.invoke(FunctionName=function, Payload=json.dumps(payload))
        return json.loads(answer["Payload"].read() or b"null"), "FunctionError" in answer

    def set_address_quota(self, addresses: int) -> None:
        """Set the quota of Elastic IP addresses."""
        self._control.request("POST", "ec2", {"addresses": addresses})

    def limit_launches(
        self,
        *,
        without_capacity: Iterable[tuple[str, str]] | None = None,
        vcpus: int | None = None,
        unsubscribed: Iterable[str] | None = None,
    ) -> None:
        """Limit launches; what is not given stays as it is.

        Args:
            without_capacity: (instance type, zone) for which EC2 has no capacity; ``"*"`` for any.
            vcpus: quota of vCPUs of running instances; -1 for no limit.
            unsubscribed: Marketplace product codes without accepted terms.
        """
        limits: dict[str, Any] = {}
        if vcpus is not None:
            limits["vcpus"] = vcpus
        if without_capacity is not None:
            limits["without_capacity"] = sorted(without_capacity)
        if unsubscribed is not None:
            limits["unsubscribed"] = sorted(unsubscribed)
        self._control.request("POST", "ec2", limits)

    def change_images(self, version: str, state: str) -> list[str]:
        """Let the Marketplace change its images of a PAN-OS version; return their IDs.

        Args:
            version: PAN-OS version.
            state: ``deprecated``, ``deregistered`` or ``republished``.
        """
        changed = self._control.request("POST", "images", {"version": version, "state": state})
        return list(changed)

    def enforce_request_rates(self, *, enforced: bool = True, share: float = 1.0) -> None:
        """Throttle calls that exceed the request rates of AWS; see ``aws.throttling``.

        Args:
            enforced: whether calls are throttled.
            share: the part of the published rates that is available, from 0 to 1.
        """
        self._control.request("POST", "rates", {"enforced": enforced, "share": share})


def environment_for(endpoint: str, region: str) -> dict[str, str]:
    """Return environment variables that point Terraform and AWS SDKs only at this base URL.

    ``TF_VAR_region`` sets the variable ``region`` of the examples, and is ignored by root modules
    without such a variable.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "TF_VAR_region": region,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
