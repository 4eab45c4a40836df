"""EventBridge: the default bus of the account.

Moto stores rules and targets; what happens to an event is done here: matching, input
transformation, permissions, retries and dead letters as the EventBridge User Guide describes them.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.events.models import EventsBackend, events_backends
from moto.sqs.models import sqs_backends

from vmseries_lab.aws import iam
from vmseries_lab.aws.eventbridge.schedule_expressions import next_due
from vmseries_lab.aws.moto_patching import wrap
from vmseries_lab.aws.requests import Faults
from vmseries_lab.core.world import ACCOUNT_ID, REGION, World

SERVICE = "events.amazonaws.com"
RETRY_FIRST_SECONDS = 1.0
RETRY_LONGEST_SECONDS = 600.0
DEFAULT_ATTEMPTS = 185
DEFAULT_AGE_SECONDS = 86400.0

StartFunction = Callable[[str, str], None]
"""Port to Lambda: invoke the function with this ARN asynchronously with this payload."""


class DeliveryError(Exception):
    """A target did not take an event.

    Attributes:
        code: as in the dead letter's ``ERROR_CODE``.
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
class EventBridge:
    """The default bus, its deliveries and its schedules.

    Attributes:
        emitted: every event that was put on the bus, in order.
    """

    world: World
    faults: Faults
    start_function: StartFunction
    emitted: list[dict[str, Any]] = field(default_factory=list)
    _deliveries: list[Delivery] = field(default_factory=list)
    _schedules: dict[str, tuple[str, float, float]] = field(default_factory=dict)
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - jitter

    def emit(
        self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]
    ) -> str:
        """Put an event on the bus and return its id.

        The envelope is that of the User Guide, "EventBridge event structure".
        """
        now = self.world.clock.now()
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT_ID,
            "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": resources,
            "detail": detail,
        }
        with self.world.lock:
            self.emitted.append(event)
            for rule in self._rules():
                # A rule with a schedule only has an empty pattern, which moto lets match all.
                if rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event):
                    self._send(rule, event)
        return str(event["id"])

    def put_events(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answer PutEvents.

        Source: API reference, PutEventsResultEntry; sources that begin with ``aws.`` belong to AWS.
        """
        return [self._put(entry) for entry in entries]

    def _put(self, entry: dict[str, Any]) -> dict[str, Any]:
        for key in ("Source", "DetailType", "Detail"):
            if not entry.get(key):
                message = f"Parameter {key} is not valid. Reason: {key} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
        if entry["Source"].startswith("aws."):
            message = f"Not authorized for the source {entry['Source']}."
            return {"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": message}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        resources = entry.get("Resources", [])
        return {"EventId": self.emit(entry["Source"], entry["DetailType"], resources, detail)}

    def tick(self, now: float) -> None:
        """Start what the schedules ask for and deliver what is due."""
        for rule in self._rules():
            if rule.scheduled_expression:
                self._schedule(rule, now)
        due = [d for d in self._deliveries if d.due <= now]
        for delivery in due:
            self._deliveries.remove(delivery)
            self._deliver(delivery, now)

    def busy(self) -> bool:
        """Whether a delivery is due; one that waits for its next attempt is not work in flight."""
        now = self.world.clock.now()
        return any(d.due <= now for d in list(self._deliveries))

    def _rules(self) -> list[Any]:
        bus = events_backends[ACCOUNT_ID][REGION].event_buses["default"]
        return [rule for rule in bus.rules.values() if rule.state == "ENABLED"]

    def _schedule(self, rule: Any, now: float) -> None:
        expression = rule.scheduled_expression
        known, created, due = self._schedules.get(rule.arn, ("", now, 0.0))
        if known != expression:
            created, due = now, next_due(expression, now, now)
        if now >= due:
            event = {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": ACCOUNT_ID,
                "time": datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": REGION,
                "resources": [rule.arn],
                "detail": {},
            }
            self.emitted.append(event)
            self._send(rule, event)
            due = next_due(expression, now, created)
        self._schedules[rule.arn] = (expression, created, due)

    def _send(self, rule: Any, event: dict[str, Any]) -> None:
        now = self.world.clock.now()
        for target in rule.targets:
            kinds = {f.kind for f in self.faults.take("events", "Deliver")}
            if "drop" in kinds:
                self.world.timeline.add("events", "lost", rule.name, id=event["id"])
                continue
            for _ in range(2 if "duplicate" in kinds else 1):
                # The target as it is now: Terraform may change the rule while the event waits.
                delivery = Delivery(rule.name, rule.arn, dict(target), event, now, now)
                self._deliveries.append(delivery)

    def _deliver(self, delivery: Delivery, now: float) -> None:
        delivery.attempts += 1
        subject = _subject(delivery.event)
        arn = delivery.target["Arn"]
        try:
            self._hand_over(delivery)
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
                delivery.due = now + self._pause(delivery.attempts)
                self._deliveries.append(delivery)
                return
            self._give_up(delivery, error, exhausted)
            return
        self.world.timeline.add("events", "delivered", subject, rule=delivery.rule_name, target=arn)

    def _pause(self, attempts: int) -> float:
        longest = min(RETRY_FIRST_SECONDS * 2.0 ** (attempts - 1), RETRY_LONGEST_SECONDS)
        return longest * self._random.uniform(0.5, 1.0)

    def _hand_over(self, delivery: Delivery) -> None:
        """Give the event to its target once.

        Raises:
            DeliveryError: if the target does not take it.
        """
        for fault in self.faults.take("events", "DeliverToTarget"):
            retry = fault.code not in ("NO_PERMISSIONS", "NO_RESOURCE")
            raise DeliveryError(fault.code, fault.message, retry=retry)
        arn = delivery.target["Arn"]
        service = arn.split(":")[2]
        payload = target_input(delivery.target, delivery.event, delivery.rule_name)
        if service == "sqs":
            self._to_queue(arn, payload, delivery)
        elif service == "lambda":
            self._to_function(arn, payload, delivery)
        else:
            raise DeliveryError("SDK_CLIENT_ERROR", f"the lab has no targets of type {service}")

    def _to_queue(
        self, arn: str, body: str, delivery: Delivery, attributes: dict[str, Any] | None = None
    ) -> None:
        backend = sqs_backends[ACCOUNT_ID][REGION]
        queue = backend.queues.get(arn.rsplit(":", 1)[-1])
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
        backend.send_message(queue.name, body, message_attributes=attributes, group_id=group)

    def _to_function(self, arn: str, payload: str, delivery: Delivery) -> None:
        try:
            function = lambda_backends[ACCOUNT_ID][REGION].get_function(arn)
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
        """Send the event to the target's dead-letter queue, if there is one that may be used.

        Message attributes: User Guide, "Using dead-letter queues to process undelivered events".
        """
        subject = _subject(delivery.event)
        where = delivery.target.get("DeadLetterConfig", {}).get("Arn", "")
        facts = {
            "RULE_ARN": delivery.rule_arn,
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error),
            "RETRY_ATTEMPTS": str(delivery.attempts - 1),
        }
        if exhausted:
            facts["EXHAUSTED_RETRY_CONDITION"] = exhausted
        attributes = {k: {"DataType": "String", "StringValue": v} for k, v in facts.items()}
        kind = "dropped"
        if where:
            try:
                self._to_queue(where, json.dumps(delivery.event), delivery, attributes)
                kind = "dead-lettered"
            except DeliveryError as second:
                facts["DEAD_LETTER_ERROR"] = str(second)
        self.world.timeline.add(
            "events", kind, subject, rule=delivery.rule_name, code=error.code, message=str(error)
        )


def _subject(event: dict[str, Any]) -> str:
    return str(event["detail"].get("EC2InstanceId") or event["id"])


def _at_path(event: dict[str, Any], path: str) -> Any:
    """What a JSON path leads to; ``None`` if nothing.

    EventBridge allows names and indexes only (User Guide, "Amazon EventBridge input
    transformation").
    """
    node: Any = event
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path.removeprefix("$")):
        try:
            node = node[int(index)] if index else node[name]
        except (LookupError, TypeError):
            return None
    return node


def target_input(target: dict[str, Any], event: dict[str, Any], rule_name: str) -> str:
    """What the target receives: the event, a constant, a part of it, or a template filled in."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at_path(event, target["InputPath"]))
    if "InputTransformer" in target:
        return _transform(target["InputTransformer"], event, rule_name)
    return json.dumps(event)


def _transform(transformer: dict[str, Any], event: dict[str, Any], rule_name: str) -> str:
    """Fill in an input template.

    A variable within quotes becomes text, one outside becomes a JSON value (User Guide, "Amazon
    EventBridge input transformation": "EventBridge removes the need for quotes").
    """
    values = {k: _at_path(event, p) for k, p in transformer.get("InputPathsMap", {}).items()}
    values |= {
        "aws.events.rule-name": rule_name,
        "aws.events.event": {k: v for k, v in event.items() if k != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event["time"],
    }
    template = transformer["InputTemplate"]
    structured = template.lstrip()[:1] in ("{", "[")
    out, quoted = [], False
    for part in re.split(r"(<[\w.-]+>|\\\\.|\")", template):
        if part == '"':
            quoted = not quoted
        name = part[1:-1]
        if part.startswith("<") and name in values:
            out.append(_filled(values[name], as_json=structured and not quoted))
        else:
            out.append(part)
    return "".join(out)


def _filled(value: Any, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(value)
    return value if isinstance(value, str) else ("" if value is None else json.dumps(value))


def install(world: World, faults: Faults, start_function: StartFunction) -> EventBridge:
    """Make moto's EventBridge deliver, and set ``world.emit``."""
    bridge = EventBridge(world, faults, start_function)

    def put_events(
        _original: Any, _backend: Any, events: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return bridge.put_events(events)

    def emit(source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        bridge.emit(source, detail_type, resources, detail)

    wrap(EventsBackend, "put_events", put_events)
    world.emit = emit
    world.engines.append(bridge)
    return bridge
