"""Delivery of events to targets: permissions, retries and dead-letter queues.

Source: EventBridge User Guide, "How EventBridge retries delivering events" and "Using dead-letter
queues to process undelivered events".
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from vmseries_lab.aws import iam
from vmseries_lab.aws.eventbridge.input_transformation import target_input
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.aws.requests import Faults
from vmseries_lab.core.location import ACCOUNT_ID
from vmseries_lab.core.world import World

SERVICE = "events.amazonaws.com"
RETRY_FIRST_SECONDS = 1.0
RETRY_LONGEST_SECONDS = 600.0
DEFAULT_ATTEMPTS = 185
DEFAULT_AGE_SECONDS = 86400.0

StartFunction = Callable[[str, str], None]
"""Port to Lambda: invokes the function with this ARN asynchronously with this payload."""


class DeliveryError(Exception):
    """A target did not accept an event.

    Attributes:
        code: ``ERROR_CODE`` of the dead letter.
        retry: whether EventBridge tries again. Source: User Guide, "Using dead-letter queues to
            process undelivered events": missing permissions and missing targets go straight to the
            dead-letter queue.
    """

    def __init__(self, code: str, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry


@dataclass
class Delivery:
    """One event on its way to one target."""

    rule_name: str
    rule_arn: str
    target: dict[str, Any]
    event: dict[str, Any]
    first_at: float
    due: float
    attempts: int = 0


@dataclass
class Deliveries:
    """Deliveries that are due or wait for their next attempt."""

    world: World
    faults: Faults
    start_function: StartFunction
    _pending: list[Delivery] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - jitter

    def add(self, rule: Any, event: dict[str, Any]) -> None:
        """Queue a delivery of the event to each target of a rule."""
        now = self.world.clock.now()
        for target in rule.targets:
            kinds = {fault.kind for fault in self.faults.take("events", "Deliver")}
            if "drop" in kinds:
                self.world.timeline.add("events", "lost", rule.name, id=event["id"])
                continue
            for _ in range(2 if "duplicate" in kinds else 1):
                # A copy of the target: Terraform may change the rule while the event waits.
                delivery = Delivery(rule.name, rule.arn, dict(target), event, now, now)
                self._pending.append(delivery)

    def tick(self, now: float) -> None:
        """Attempt the deliveries that are due."""
        for delivery in [pending for pending in self._pending if pending.due <= now]:
            self._pending.remove(delivery)
            with self.world.errors.guard(f"delivery of rule {delivery.rule_name}"):
                self._deliver(delivery, now)

    def due(self, now: float) -> bool:
        """Whether a delivery is due; one that waits for its next attempt is not."""
        return any(delivery.due <= now for delivery in list(self._pending))

    def _deliver(self, delivery: Delivery, now: float) -> None:
        delivery.attempts += 1
        try:
            self._send_to_target(delivery)
        except DeliveryError as error:
            policy = delivery.target.get("RetryPolicy", {})
            allowed = int(policy.get("MaximumRetryAttempts", DEFAULT_ATTEMPTS))
            age = float(policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS))
            exhausted = ""
            if delivery.attempts > allowed:
                exhausted = "MaximumRetryAttempts"
            elif now - delivery.first_at >= age:
                exhausted = "MaximumEventAgeInSeconds"
            if error.retry and not exhausted:
                delivery.due = now + self._backoff_seconds(delivery.attempts)
                self._pending.append(delivery)
                return
            self._give_up(delivery, error, exhausted)
            return
        self.world.timeline.add(
            "events",
            "delivered",
            _subject(delivery.event),
            rule=delivery.rule_name,
            target=delivery.target["Arn"],
        )

    def _backoff_seconds(self, attempts: int) -> float:
        longest = min(RETRY_FIRST_SECONDS * 2.0 ** (attempts - 1), RETRY_LONGEST_SECONDS)
        return longest * self._random.uniform(0.5, 1.0)

    def _send_to_target(self, delivery: Delivery) -> None:
        """Send the event to its target once.

        Raises:
            DeliveryError: if the target does not accept it.
        """
        for fault in self.faults.take("events", "DeliverToTarget"):
            retry = fault.code not in ("NO_PERMISSIONS", "NO_RESOURCE")
            raise DeliveryError(fault.code, fault.message, retry=retry)
        arn = delivery.target["Arn"]
        service = arn.split(":")[2]
        payload = target_input(delivery.target, delivery.event, delivery.rule_name)
        if service == "sqs":
            self._send_to_queue(arn, payload, delivery)
        elif service == "lambda":
            self._invoke_function(arn, payload, delivery)
        else:
            raise DeliveryError("SDK_CLIENT_ERROR", f"the lab has no targets of type {service}")

    def _send_to_queue(
        self, arn: str, body: str, delivery: Delivery, attributes: dict[str, Any] | None = None
    ) -> None:
        store = backend("sqs")
        queue = store.queues.get(arn.rsplit(":", 1)[-1])
        if queue is None:
            raise DeliveryError("NO_RESOURCE", f"the queue {arn} does not exist")
        context = {"aws:SourceArn": delivery.rule_arn, "aws:SourceAccount": ACCOUNT_ID}
        documents = [queue.policy] if queue.policy else []
        if not iam.allows(documents, "sqs:SendMessage", arn, service=SERVICE, context=context):
            raise DeliveryError(
                "NO_PERMISSIONS",
                f"the policy of {arn} does not let {SERVICE} send for {delivery.rule_arn}",
            )
        group = delivery.target.get("SqsParameters", {}).get("MessageGroupId")
        store.send_message(queue.name, body, message_attributes=attributes, group_id=group)

    def _invoke_function(self, arn: str, payload: str, delivery: Delivery) -> None:
        try:
            function = backend("lambda").get_function(arn)
        except UnknownFunctionException as error:
            raise DeliveryError("NO_RESOURCE", f"the function {arn} does not exist") from error
        context = {"aws:SourceArn": delivery.rule_arn, "aws:SourceAccount": ACCOUNT_ID}
        documents = [{"Statement": function.policy.statements}]
        action = "lambda:InvokeFunction"
        if not iam.allows(documents, action, arn, service=SERVICE, context=context):
            raise DeliveryError(
                "NO_PERMISSIONS",
                f"the policy of {arn} does not let {SERVICE} invoke it for {delivery.rule_arn}",
            )
        self.start_function(arn, payload)

    def _give_up(self, delivery: Delivery, error: DeliveryError, exhausted: str) -> None:
        """Send the event to the target's dead-letter queue, if there is one that allows it.

        Message attributes: User Guide, "Using dead-letter queues to process undelivered events".
        """
        dead_letter_arn = delivery.target.get("DeadLetterConfig", {}).get("Arn", "")
        values = {
            "RULE_ARN": delivery.rule_arn,
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error),
            "RETRY_ATTEMPTS": str(delivery.attempts - 1),
        }
        if exhausted:
            values["EXHAUSTED_RETRY_CONDITION"] = exhausted
        attributes = {k: {"DataType": "String", "StringValue": v} for k, v in values.items()}
        kind = "dropped"
        if dead_letter_arn:
            try:
                body = json.dumps(delivery.event)
                self._send_to_queue(dead_letter_arn, body, delivery, attributes)
                kind = "dead-lettered"
            except DeliveryError:
                pass
        self.world.timeline.add(
            "events",
            kind,
            _subject(delivery.event),
            rule=delivery.rule_name,
            code=error.code,
            message=str(error),
        )


def _subject(event: dict[str, Any]) -> str:
    return str(event["detail"].get("EC2InstanceId") or event["id"])
