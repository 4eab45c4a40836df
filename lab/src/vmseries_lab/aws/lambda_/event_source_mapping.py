"""Event source mappings: Lambda's pollers, which invoke a function with messages of a queue.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS" and its sections "Configuring scaling
behavior", "Handling errors" and "Lambda parameters for Amazon SQS event source mappings".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaBackend
from moto.sqs.exceptions import ReceiptHandleIsInvalid

from vmseries_lab.aws import iam
from vmseries_lab.aws.lambda_ import Functions, Outcome, find_function
from vmseries_lab.aws.lambda_.sqs_batches import failed_messages, passes_filter, record
from vmseries_lab.aws.moto_patching import backend, wrap
from vmseries_lab.aws.requests import RequestPipeline
from vmseries_lab.core.world import World

FIRST_POLLERS = 5
"""Number of batches that Lambda processes concurrently at first."""
MORE_POLLERS_PER_MINUTE = 300
MOST_POLLERS = 1250
RECEIVE_LIMIT = 10
"""Maximum number of messages that one ReceiveMessage returns."""
PAYLOAD_LIMIT_BYTES = 6_000_000
NEEDED_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""Actions that the function's role must allow for a mapping to be created and to work."""


@dataclass
class Poller:
    """One of the pollers of a mapping.

    Attributes:
        batch: messages received so far.
        opened_at: lab time of the first message.
        invoking: whether the function is processing the batch.
    """

    batch: list[Any] = field(default_factory=list)
    opened_at: float = 0.0
    invoking: bool = False


@dataclass
class Mapping:
    """The pollers of one event source mapping.

    Attributes:
        loaded_since: lab time since which every poller is busy; scaling up counts from there.
    """

    pollers: list[Poller] = field(default_factory=list)
    loaded_since: float | None = None


class Pollers:
    """All pollers of the account; their engine."""

    def __init__(self, world: World, pipeline: RequestPipeline, functions: Functions) -> None:
        self._world = world
        self._pipeline = pipeline
        self._functions = functions
        self._mappings: dict[str, Mapping] = {}

    def tick(self, now: float) -> None:
        """Receive visible messages, and invoke functions with the batches that are complete."""
        sources = _sources()
        for deleted in set(self._mappings) - {source.uuid for source, _ in sources}:
            del self._mappings[deleted]
        for source, queue in sources:
            with self._world.errors.guard(f"event source mapping {source.uuid}"):
                self._poll(source, queue, self._mappings.setdefault(source.uuid, Mapping()), now)

    def busy(self) -> bool:
        """Whether there are messages that a poller would receive now.

        A batch that the function processes is in flight as an invocation; an incomplete batch waits
        for the lab's clock.
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
            # One receive per poller and round, so that messages are spread over the pollers.
            received = [self._receive(source, queue, function, p, now) for p in receiving]
            if not any(received):
                break
            if int(source.max_batch_window or 0) == 0:
                # Without a batching window, a poller invokes after one receive.
                break
        for poller in free:
            if poller.batch and self._complete(source, poller, now):
                self._invoke(source, function, queue, poller)

    def _scale(self, source: Any, mapping: Mapping, now: float) -> None:
        """Keep as many pollers as Lambda would have now.

        Lambda starts with five and adds up to 300 per minute while all are busy. It has no more
        than the mapping's maximum concurrency, because it does not receive messages that it cannot
        process.
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
        """Let a poller receive once; return whether it received any message."""
        room = min(RECEIVE_LIMIT, int(source.batch_size) - len(poller.batch))
        store = backend("sqs")
        messages = store.receive_message(
            queue.name, room, 0, int(queue.visibility_timeout), ["All"]
        )
        if not messages:
            return False
        self._pipeline.calls.by_service(
            "sqs", "ReceiveMessage", function.role, QueueUrl=queue.name, Received=len(messages)
        )
        wanted = [m for m in messages if passes_filter(source, m)]
        for message in messages:
            if message not in wanted:
                # "If a message doesn't satisfy your filter criteria, Lambda deletes it".
                store.delete_message(queue.name, message.receipt_handle)
        if wanted and not poller.batch:
            poller.opened_at = now
        poller.batch += wanted
        return True

    def _complete(self, source: Any, poller: Poller, now: float) -> bool:
        """Whether a batch is full, has reached the payload limit, or its window is over."""
        return (
            len(poller.batch) >= int(source.batch_size)
            or now - poller.opened_at >= float(source.max_batch_window or 0)
            or sum(len(m.body) for m in poller.batch) >= PAYLOAD_LIMIT_BYTES
        )

    def _invoke(self, source: Any, function: Any, queue: Any, poller: Poller) -> None:
        poller.invoking = True
        batch = poller.batch
        payload = json.dumps({"Records": [record(m, source.event_source_arn) for m in batch]})
        role, name = function.role, queue.name
        reports = "ReportBatchItemFailures" in (source.function_response_types or [])

        def done(outcome: Outcome) -> None:
            poller.batch, poller.invoking = [], False
            failed = failed_messages(outcome, [m.id for m in batch], reports=reports)
            self._delete(name, [m for m in batch if m.id not in failed], role)

        self._functions.submit(source.function_arn, payload, done)

    def _delete(self, queue_name: str, messages: list[Any], role: str) -> None:
        """Delete processed messages; the others return after their visibility timeout."""
        store = backend("sqs")
        if not messages or queue_name not in store.queues:
            return
        for message in messages:
            try:
                store.delete_message(queue_name, message.receipt_handle)
            except ReceiptHandleIsInvalid:
                # The message has expired: its retention period is over.
                continue
        self._pipeline.calls.by_service(
            "sqs", "DeleteMessage", role, QueueUrl=queue_name, Deleted=len(messages)
        )


def _sources() -> list[tuple[Any, Any]]:
    """Return moto's enabled mappings of queues, each with its queue or ``None``."""
    stored = backend("lambda")._event_source_mappings  # noqa: SLF001 - moto's
    queues = backend("sqs").queues
    return [
        (source, queues.get(_queue_name(source)))
        for source in list(stored.values())
        if source.enabled and ":sqs:" in source.event_source_arn
    ]


def _queue_name(source: Any) -> str:
    return str(source.event_source_arn.rsplit(":", 1)[-1])


def _missing_permission(role_arn: str, queue_arn: str) -> str:
    """Return the first action that pollers need and the role does not allow, empty if none."""
    missing = (a for a in NEEDED_ACTIONS if not iam.role_allows(role_arn, a, queue_arn))
    return next(missing, "")


def _check_spec(spec: dict[str, Any]) -> None:
    """Reject a mapping that Lambda would reject.

    Source: API reference, CreateEventSourceMapping; "Configuring an Amazon SQS queue": permissions
    of the role, a visibility timeout of at least the function's timeout, and a batching window of
    at least one second for batches of more than ten messages.

    Raises:
        InvalidParameterValueException: with Lambda's message.
    """
    if ":sqs:" not in spec.get("EventSourceArn", ""):
        return
    function = backend("lambda").get_function(spec["FunctionName"])
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
    queue = backend("sqs").queues.get(spec["EventSourceArn"].rsplit(":", 1)[-1])
    if queue is not None and int(queue.visibility_timeout) < int(function.timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function "
            f"timeout: {function.timeout} seconds"
        )


class MappingExistsError(LambdaClientError):  # type: ignore[misc]
    """The queue is an event source of the function already."""

    code = 409

    def __init__(self, source: str, function: str, uuid: str) -> None:
        super().__init__(
            "ResourceConflictException",
            f'An event source mapping with SQS arn (" {source} ") and function (" {function} ") '
            f"already exists. Please update or delete the existing mapping with UUID {uuid}",
        )


def _refuse_second(store: Any, spec: dict[str, Any]) -> None:
    """Refuse a second mapping of the same queue and function.

    CreateEventSourceMapping: ResourceConflictException. The sentence is as users report it:
    https://github.com/hashicorp/terraform-provider-aws/issues/15539
    """
    function = store.get_function(spec["FunctionName"])
    for mapping in store.list_event_source_mappings(spec["EventSourceArn"], ""):
        if mapping.function_arn == function.function_arn:
            raise MappingExistsError(mapping.event_source_arn, function.function_name, mapping.uuid)


def install(world: World, pipeline: RequestPipeline, functions: Functions) -> Pollers:
    """Run pollers for the mappings that moto stores."""
    pollers = Pollers(world, pipeline, functions)

    def create(original: Any, store: Any, spec: dict[str, Any]) -> Any:
        _check_spec(spec)
        _refuse_second(store, spec)
        mapping = original(store, spec)
        # Lambda reads the queue's visibility timeout.
        role, name = store.get_function(spec["FunctionName"]).role, _queue_name(mapping)
        pipeline.calls.by_service("sqs", "GetQueueAttributes", role, QueueUrl=name)
        queue = backend("sqs").queues.get(name)
        if queue is not None:
            # Otherwise moto invokes the function itself while a message is being sent.
            queue.lambda_event_source_mappings.clear()
        return mapping

    wrap(LambdaBackend, "create_event_source_mapping", create)
    world.engines.append(pollers)
    return pollers
