"""Event source mappings: Lambda's pollers, which take messages from a queue to a function.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS" and its sections "Configuring scaling
behavior", "Handling errors" and "Lambda parameters for Amazon SQS event source mappings".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.events.models import EventPattern
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import sqs_backends

from vmseries_lab.aws import iam
from vmseries_lab.aws.lambda_ import Functions, Outcome, find_function
from vmseries_lab.aws.moto_patching import wrap
from vmseries_lab.aws.requests import Gate
from vmseries_lab.core.world import ACCOUNT_ID, REGION, World

FIRST_POLLERS = 5
"""Batches that Lambda processes at a time to begin with."""
MORE_POLLERS_PER_MINUTE = 300
MOST_POLLERS = 1250
RECEIVE_LIMIT = 10
"""Messages that one ReceiveMessage returns at most."""
PAYLOAD_LIMIT_BYTES = 6_000_000
NEEDED_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""What the function's role must allow for the mapping to be made and to work."""


@dataclass
class Poller:
    """One of the processes that read batches.

    Attributes:
        batch: messages gathered so far.
        opened_at: lab time of the first of them.
        invoking: whether the batch is with the function.
    """

    batch: list[Any] = field(default_factory=list)
    opened_at: float = 0.0
    invoking: bool = False


@dataclass
class Mapping:
    """The pollers of one event source mapping.

    Attributes:
        loaded_since: lab time since when every poller has had work; scaling up counts from there.
    """

    pollers: list[Poller] = field(default_factory=list)
    loaded_since: float | None = None


class Pollers:
    """All pollers of the account."""

    def __init__(self, world: World, gate: Gate, functions: Functions) -> None:
        self._world = world
        self._gate = gate
        self._functions = functions
        self._mappings: dict[str, Mapping] = {}

    def tick(self, now: float) -> None:
        """Receive what is visible, and invoke with the batches that are complete."""
        sources = _sources()
        for gone in set(self._mappings) - {source.uuid for source, _ in sources}:
            del self._mappings[gone]
        for source, queue in sources:
            self._poll(source, queue, self._mappings.setdefault(source.uuid, Mapping()), now)

    def busy(self) -> bool:
        """Whether there are messages that a poller would receive now.

        A batch that is with the function is the function's; one that is being gathered waits for
        the clock.
        """
        return any(
            self._could_receive(source, queue, self._mappings.get(source.uuid))
            for source, queue in _sources()
        )

    def _could_receive(self, source: Any, queue: Any, mapping: Mapping | None) -> bool:
        if queue is None or not queue.messages:
            return False
        function = find_function(source.function_arn)
        if function is None:
            return False
        if _missing_permission(function.role, source.event_source_arn):
            return False
        return mapping is None or any(
            not p.invoking and len(p.batch) < int(source.batch_size) for p in mapping.pollers
        )

    def _poll(self, source: Any, queue: Any, mapping: Mapping, now: float) -> None:
        if queue is None:
            return
        if not queue.messages and not any(p.batch for p in mapping.pollers):
            return
        function = find_function(source.function_arn)
        if function is None:
            return
        if _missing_permission(function.role, source.event_source_arn):
            return
        self._scale(source, mapping, now)
        free = [p for p in mapping.pollers if not p.invoking]
        while free:
            receiving = [p for p in free if len(p.batch) < int(source.batch_size)]
            # Each in turn, so that what waits is spread over them.
            received = [self._receive(source, queue, function, p, now) for p in receiving]
            if not any(received):
                break
            if int(source.max_batch_window or 0) == 0:
                # Without a window a poller invokes with what one receive gave it.
                break
        for poller in free:
            if poller.batch and self._complete(source, poller, now):
                self._invoke(source, function, queue, poller)

    def _scale(self, source: Any, mapping: Mapping, now: float) -> None:
        """Keep as many pollers as AWS would have by now.

        Five to begin with; while messages wait and all are busy, up to 300 more a minute; never
        more than the mapping's maximum concurrency, since Lambda does not read what it could not
        invoke with.
        """
        loaded = bool(mapping.pollers) and all(p.invoking for p in mapping.pollers)
        if not loaded:
            mapping.loaded_since = None
        elif mapping.loaded_since is None:
            mapping.loaded_since = now
        limit = MOST_POLLERS
        if source.scaling_config and source.scaling_config.get("MaximumConcurrency"):
            limit = int(source.scaling_config["MaximumConcurrency"])
        wanted = FIRST_POLLERS
        if mapping.loaded_since is not None:
            minutes = (now - mapping.loaded_since) / 60
            wanted += int(minutes) * MORE_POLLERS_PER_MINUTE
        wanted = min(wanted, limit)
        while len(mapping.pollers) < wanted:
            mapping.pollers.append(Poller())
        idle = [p for p in mapping.pollers if not p.invoking and not p.batch]
        while len(mapping.pollers) > wanted and idle:
            mapping.pollers.remove(idle.pop())

    def _receive(self, source: Any, queue: Any, function: Any, poller: Poller, now: float) -> bool:
        """Let one poller receive once; whether it got something."""
        room = min(RECEIVE_LIMIT, int(source.batch_size) - len(poller.batch))
        backend = sqs_backends[ACCOUNT_ID][REGION]
        messages = backend.receive_message(
            queue.name, room, 0, int(queue.visibility_timeout), ["All"]
        )
        if not messages:
            return False
        self._gate.calls.by_service(
            "sqs", "ReceiveMessage", function.role, QueueUrl=queue.name, Received=len(messages)
        )
        wanted = [m for m in messages if _passes_filter(source, m)]
        for message in messages:
            if message not in wanted:
                # "If a message doesn't satisfy your filter criteria, Lambda deletes it".
                backend.delete_message(queue.name, message.receipt_handle)
        if wanted and not poller.batch:
            poller.opened_at = now
        poller.batch += wanted
        return True

    def _complete(self, source: Any, poller: Poller, now: float) -> bool:
        """Whether a batch is full, large enough, or has waited for its window."""
        return (
            len(poller.batch) >= int(source.batch_size)
            or now - poller.opened_at >= float(source.max_batch_window or 0)
            or sum(len(m.body) for m in poller.batch) >= PAYLOAD_LIMIT_BYTES
        )

    def _invoke(self, source: Any, function: Any, queue: Any, poller: Poller) -> None:
        poller.invoking = True
        batch = poller.batch
        payload = json.dumps({"Records": [_record(m, source.event_source_arn) for m in batch]})
        role, name = function.role, queue.name
        reports = "ReportBatchItemFailures" in (source.function_response_types or [])

        def done(outcome: Outcome) -> None:
            poller.batch, poller.invoking = [], False
            failed = failures(outcome, [m.id for m in batch], reports=reports)
            self._delete(name, [m for m in batch if m.id not in failed], role)

        self._functions.submit(source.function_arn, payload, done)

    def _delete(self, queue_name: str, messages: list[Any], role: str) -> None:
        """Delete what was processed; the rest comes back after its visibility time-out."""
        backend = sqs_backends[ACCOUNT_ID][REGION]
        if not messages or queue_name not in backend.queues:
            return
        for message in messages:
            try:
                backend.delete_message(queue_name, message.receipt_handle)
            except ReceiptHandleIsInvalid:
                # Expired meanwhile: the queue kept it no longer than its retention.
                continue
        self._gate.calls.by_service(
            "sqs", "DeleteMessage", role, QueueUrl=queue_name, Deleted=len(messages)
        )


def failures(outcome: Outcome, message_ids: list[str], *, reports: bool) -> set[str]:
    """Which messages of a batch failed.

    Source: "Implementing partial batch responses", success and failure conditions: nothing, ``{}``
    and an empty or null list mean that all succeeded; an answer that is not JSON, and an identifier
    that is missing, empty or null mean that all failed. An identifier of no message of the batch is
    taken for a wrong one too.
    """
    everything = set(message_ids)
    if outcome.error:
        return everything
    if not reports:
        return set()
    try:
        answer = json.loads(outcome.payload or "null")
    except ValueError:
        return everything
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return everything
    items = answer.get("batchItemFailures")
    if items is None:
        return set()
    try:
        named = {item["itemIdentifier"] for item in items}
    except (TypeError, KeyError):
        return everything
    return named if named.issubset(everything) else everything


def _sources() -> list[tuple[Any, Any]]:
    """The mappings of queues that are enabled, as moto stores them, each with its queue if any."""
    stored = lambda_backends[ACCOUNT_ID][REGION]._event_source_mappings  # noqa: SLF001 - moto's
    queues = sqs_backends[ACCOUNT_ID][REGION].queues
    return [
        (source, queues.get(_queue_name(source)))
        for source in list(stored.values())
        if source.enabled and ":sqs:" in source.event_source_arn
    ]


def _queue_name(source: Any) -> str:
    return str(source.event_source_arn.rsplit(":", 1)[-1])


def _missing_permission(role_arn: str, queue_arn: str) -> str:
    """The first action that the pollers need and the role does not allow; empty if none."""
    missing = (a for a in NEEDED_ACTIONS if not iam.role_allows(role_arn, a, queue_arn))
    return next(missing, "")


def _record(message: Any, queue_arn: str) -> dict[str, Any]:
    """A message as a function sees it ("Example standard queue message event")."""
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    trace = (message.system_attributes or {}).get("AWSTraceHeader")
    if trace:
        attributes["AWSTraceHeader"] = trace.get("StringValue", "")
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.message_attributes.items()
        },
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def _passes_filter(source: Any, message: Any) -> bool:
    """Whether the mapping's filter criteria let the message through ("Filtering")."""
    filters = (source.filter_criteria or {}).get("Filters", [])
    if not filters:
        return True
    try:
        body = json.loads(message.body)
    except ValueError:
        body = message.body
    event = {"messageId": message.id, "body": body}
    return any(EventPattern.load(f["Pattern"]).matches_event(event) for f in filters)


def _check_spec(backend: Any, spec: dict[str, Any]) -> None:
    """Refuse a mapping that Lambda refuses.

    Source: API reference, CreateEventSourceMapping; "Configuring an Amazon SQS queue": role
    permissions, the visibility time-out (not less than the function's time-out), and a batching
    window of a second at least for batches of more than ten.

    Raises:
        InvalidParameterValueException: with Lambda's sentence.
    """
    if ":sqs:" not in spec.get("EventSourceArn", ""):
        return
    function = backend.get_function(spec["FunctionName"])
    missing = _missing_permission(function.role, spec["EventSourceArn"])
    if missing:
        action = missing.removeprefix("sqs:")
        raise InvalidParameterValueException(
            f"The function execution role does not have permissions to call {action} on SQS"
        )
    batch, window = spec.get("BatchSize") or 10, spec.get("MaximumBatchingWindowInSeconds") or 0
    if int(batch) > RECEIVE_LIMIT and int(window) < 1:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )
    queue = sqs_backends[ACCOUNT_ID][REGION].queues.get(spec["EventSourceArn"].rsplit(":", 1)[-1])
    if queue is not None and int(queue.visibility_timeout) < int(function.timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function "
            f"timeout: {function.timeout} seconds"
        )


def install(world: World, gate: Gate, functions: Functions) -> Pollers:
    """Take over the mappings that moto stores."""
    pollers = Pollers(world, gate, functions)

    def create(original: Any, backend: Any, spec: dict[str, Any]) -> Any:
        _check_spec(backend, spec)
        mapping = original(backend, spec)
        # How its visibility time-out was known.
        role, source = backend.get_function(spec["FunctionName"]).role, mapping.event_source_arn
        gate.calls.by_service("sqs", "GetQueueAttributes", role, QueueUrl=source.rsplit(":", 1)[-1])
        queue = sqs_backends[ACCOUNT_ID][REGION].queues.get(_queue_name(mapping))
        if queue is not None:
            # Else moto pushes messages into the function while they are being sent.
            queue.lambda_event_source_mappings.clear()
        return mapping

    wrap(LambdaBackend, "create_event_source_mapping", create)
    world.engines.append(pollers)
    return pollers
