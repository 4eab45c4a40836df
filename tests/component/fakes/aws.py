"""A small AWS account in memory, for tests that run thousands of histories.

The functions' own clients speak to it, with their paginators, error classes and checks of
parameters: only the HTTP requests are answered here. Where AWS is strict, this is strict. It also
records harm: whatever a function takes from a live firewall.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError
from botocore.validate import ParamValidator

from component.fakes.auto_scaling import AutoScaling
from component.fakes.base import NAME, START, ZONE, client_error
from component.fakes.dynamodb import DynamoDb
from component.fakes.ec2 import DEPLOYMENT, INSTANCE_ID, VPC, Address
from component.fakes.faults import CrashError, Fault
from component.fakes.load_balancing import TARGET_GROUP, TARGET_PORT
from component.fakes.secrets_manager import SecretsManager
from component.fakes.sqs import VISIBILITY_TIMEOUT, Message

__all__ = [
    "DEPLOYMENT",
    "INSTANCE_ID",
    "NAME",
    "START",
    "TARGET_GROUP",
    "TARGET_PORT",
    "VISIBILITY_TIMEOUT",
    "VPC",
    "ZONE",
    "Account",
    "Address",
    "CrashError",
    "Fault",
    "Message",
    "client_error",
]

_validator = ParamValidator()


class Call(NamedTuple):
    """A call of a function."""

    service: str
    operation: str
    parameters: dict[str, Any]


@dataclass
class Account(AutoScaling, SecretsManager, DynamoDb):
    """The account.

    Attributes:
        calls: The calls that the functions made.
        errors: The errors that the next calls of an operation raise, before they have an effect.
        find_entries_outside_aws: Returns the entries of an instance outside of AWS.
    """

    calls: list[Call] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    find_entries_outside_aws: Callable[[str], list[str]] = lambda _instance_id: []

    def entries_outside_aws(self, instance_id: str) -> list[str]:
        return self.find_entries_outside_aws(instance_id)

    def pass_time(self, duration: timedelta) -> None:
        """Let time pass, and end what is due: attachments, detachments, draining and hooks."""
        self.now += duration
        self.end_attachments()
        self.end_detachments()
        self.end_draining()
        self.expire_hooks()

    def take_from_panorama(self, instance_id: str, thing: str) -> None:
        self._take(instance_id, thing)

    def operations(self) -> Counter[str]:
        """How often the functions called each operation."""
        return Counter(call.operation for call in self.calls)

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        """Answer a call of a client's method.

        Raises:
            ClientError: The class of the error is the client's own, as in the SDK.
        """
        model = client.meta.service_model
        shape = model.operation_model(operation).input_shape
        if (report := _validator.validate(parameters, shape)).has_errors():
            raise ParamValidationError(report=report.generate_report())
        if not self.invocations:
            return self._answer(client, operation, parameters)
        self.calls.append(Call(model.service_name, operation, parameters))
        if self.errors.get(operation):
            raise self.errors[operation].pop(0)
        throttled, timed_out = (
            client_error("RequestLimitExceeded", operation),
            ReadTimeoutError(endpoint_url="https://aws"),
        )
        with self.tripping(throttled, timed_out):
            return self._answer(client, operation, parameters)

    def _answer(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        try:
            if parameters.get("DryRun"):
                self._check_dry_run(parameters)
            return getattr(self, xform_name(operation))(parameters)
        except ClientError as error:
            error_class = client.exceptions.from_code(error.response["Error"]["Code"])
            raise error_class(error.response, operation) from None

    def _check_dry_run(self, parameters: dict[str, Any]) -> None:
        """Refuse a dry run of a request that EC2 would carry out.

        "If you have the required permissions, the error response is DryRunOperation"
        (DryRun in the EC2 API Reference). A subnet that does not exist is found before.
        """
        if "SubnetId" in parameters:
            self.check_subnet(parameters["SubnetId"])
        raise client_error("DryRunOperation", message="Request would have succeeded")
