"""SQS: what moto's queues lack or do differently.

Moto's queues follow the lab's clock already (``vmseries_lab.aws.moto_clock``). Added here: limits
and receipt handles as SQS has them, retention, message move tasks, and attributes as SQS shows
them.
Source: SQS Developer Guide and API reference; the section is named at each behavior.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import ReceiptHandleIsInvalid, SQSException
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends
from moto.sqs.responses import SQSResponse

from vmseries_lab.aws.moto_patching import add, replace, wrap
from vmseries_lab.core.world import ACCOUNT_ID, REGION, World

POLL_SECONDS = 0.02
"""Real time between two looks of a long poll."""
IN_FLIGHT_LIMIT_SECONDS = 43_200
"""Longest time from one receive to the end of its visibility timeout ("Visibility timeout")."""


@dataclass
class MoveTask:
    """A message move task (API reference, StartMessageMoveTask).

    Attributes:
        rate: messages a second; 0 for as fast as possible.
    """

    source_arn: str
    destination_arn: str
    rate: int
    started_at: float
    handle: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "RUNNING"
    moved: int = 0
    to_move: int = 0
    failure: str = ""

    def shown(self) -> dict[str, Any]:
        """The task as ListMessageMoveTasks shows it."""
        facts: dict[str, Any] = {
            "Status": self.status,
            "SourceArn": self.source_arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": int(self.started_at * 1000),
        }
        if self.status == "RUNNING":
            facts["TaskHandle"] = self.handle
        if self.destination_arn:
            facts["DestinationArn"] = self.destination_arn
        if self.rate:
            facts["MaxNumberOfMessagesPerSecond"] = self.rate
        if self.failure:
            facts["FailureReason"] = self.failure
        return facts


@dataclass
class Queues:
    """What queues do by themselves as time passes: messages expire, and are moved."""

    world: World
    tasks: list[MoveTask] = field(default_factory=list)

    def tick(self, now: float) -> None:
        """Drop messages older than their queue keeps them, and go on with move tasks."""
        for queue in sqs_backends[ACCOUNT_ID][REGION].queues.values():
            if not _messages(queue):
                continue
            oldest = (now - int(queue.message_retention_period)) * 1000
            expired = [m for m in _messages(queue) if m.sent_timestamp <= oldest]
            for message in expired:
                _remove(queue, message)
                self.world.timeline.add("queues", "message-expired", queue.name, id=message.id)
        for task in self.tasks:
            if task.status == "RUNNING":
                self._move(task, now)

    def busy(self) -> bool:
        """Whether a move task without a rate has messages left."""
        return any(t.status == "RUNNING" and not t.rate for t in self.tasks)

    def receive(self, attempt: Callable[[], list[Any]], wait_seconds: float) -> list[Any]:
        """Receive, and wait on the lab's clock while there is nothing ("Long polling").

        Each attempt holds the world's lock, the waiting does not.
        """
        end, give_up = self.world.clock.now() + wait_seconds, time.monotonic() + wait_seconds
        while True:
            with self.world.lock:
                messages = attempt()
            # A function that waits here holds the clock.
            if messages or self.world.clock.now() >= end or time.monotonic() > give_up:
                return messages
            time.sleep(POLL_SECONDS)

    def change_visibility(self, queue: Any, receipt_handle: str, seconds: int) -> None:
        """Answer ChangeMessageVisibility (API reference).

        The twelve hours count from the receive, not from the sending as in moto; a message that is
        not in flight is refused.

        Raises:
            SQSException: as SQS does.
        """
        for message in _messages(queue):
            if not message.had_receipt_handle(receipt_handle):
                continue
            if not in_flight(message):
                raise SQSException(
                    "AWS.SimpleQueueService.MessageNotInflight",
                    "The specified message isn't in flight.",
                )
            end = self.world.clock.now() + int(seconds)
            if end - message.received_at > IN_FLIGHT_LIMIT_SECONDS:
                raise SQSException(
                    "InvalidParameterValue",
                    f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total "
                    "VisibilityTimeout for the message is beyond the limit "
                    f"[{IN_FLIGHT_LIMIT_SECONDS} seconds]",
                )
            message.change_visibility(seconds)
            if message.visible:
                queue.pending_messages.discard(message)
            return
        raise ReceiptHandleIsInvalid

    def start_task(self, source_arn: str, destination_arn: str, rate: int) -> MoveTask:
        """Start moving messages out of a dead-letter queue.

        Raises:
            SQSException: if SQS would refuse it.
        """
        backend = sqs_backends[ACCOUNT_ID][REGION]
        source = _queue_by_arn(source_arn)
        if source is None or (destination_arn and _queue_by_arn(destination_arn) is None):
            raise SQSException(
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn parameter doesn't exist.",
            )
        if not backend.list_dead_letter_source_queues(source.name):
            raise SQSException(
                "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."
            )
        if any(t.source_arn == source_arn and t.status == "RUNNING" for t in self.tasks):
            raise SQSException(
                "UnsupportedOperation",
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time.",
            )
        task = MoveTask(source_arn, destination_arn, rate, self.world.clock.now())
        task.to_move = len(source.messages)
        self.tasks.insert(0, task)
        return task

    def _move(self, task: MoveTask, now: float) -> None:
        source = _queue_by_arn(task.source_arn)
        if source is None:
            task.status, task.failure = "FAILED", "AWS.SimpleQueueService.NonExistentQueue"
            return
        allowed = task.to_move
        if task.rate:
            allowed = int((now - task.started_at) * task.rate) + 1
        for message in list(source.messages):
            if task.moved >= min(allowed, task.to_move):
                break
            target = _queue_by_arn(task.destination_arn or getattr(message, "came_from", ""))
            if target is None:
                task.status = "FAILED"
                task.failure = "CouldNotDetermineMessageSource"
                return
            _remove(source, message)
            # "Redriven messages are considered new messages with a new messageID and enqueueTime".
            sqs_backends[ACCOUNT_ID][REGION].send_message(
                target.name, message.body, message_attributes=message.message_attributes
            )
            task.moved += 1
        if task.moved >= task.to_move or not source.messages:
            task.status = "COMPLETED"


def _queue_by_arn(arn: str) -> Any:
    return sqs_backends[ACCOUNT_ID][REGION].queues.get(arn.rsplit(":", 1)[-1]) if arn else None


def _messages(queue: Any) -> list[Any]:
    """All messages of a queue, visible or not; moto has no public name for them."""
    messages: list[Any] = queue._messages  # noqa: SLF001
    return messages


def _remove(queue: Any, message: Any) -> None:
    _messages(queue).remove(message)
    queue.pending_messages.discard(message)


def in_flight(message: Any) -> bool:
    """Whether the message was received and its visibility timeout has not passed."""
    return message.approximate_receive_count > 0 and not message.visible


def _attributes(original: Any) -> Any:
    def attributes(queue: Any) -> dict[str, Any]:
        shown: dict[str, Any] = original.fget(queue)
        if shown.get("RedrivePolicy"):
            # As SQS writes it; with other spacing the provider plans a change for ever.
            shown["RedrivePolicy"] = json.dumps(queue.redrive_policy, separators=(",", ":"))
        return shown

    return property(attributes)


def _add_message(original: Any, queue: Any, message: Any) -> None:
    """Let a message that is moved to a dead-letter queue remember where from, for its way back."""
    message.came_from = getattr(message, "home", "")
    message.home = queue.queue_arn
    original(queue, message)


def _setup_dead_letters(original: Any, queue: Any, policy: Any) -> None:
    """Refuse a dead-letter queue that does not allow this queue as a source.

    Source: API reference, SetQueueAttributes, ``RedriveAllowPolicy``.
    """
    original(queue, policy)
    allow = json.loads(getattr(queue.dead_letter_queue, "redrive_allow_policy", None) or "{}")
    permission = allow.get("redrivePermission", "allowAll")
    by_queue = permission == "byQueue" and queue.queue_arn in allow.get("sourceQueueArns", [])
    if permission != "allowAll" and not by_queue:
        raise SQSException(
            "InvalidParameterValue",
            f"Value {json.dumps(policy)} for parameter RedrivePolicy is invalid. Reason: Queue "
            "is not allowed as a source by the dead-letter queue's redrive allow policy.",
        )


def _delete_message(original: Any, queue: Any, receipt_handle: str) -> None:
    """Delete by the latest receipt handle only.

    Source: API reference, DeleteMessage: with an older one the request succeeds, and "the message
    might not be deleted". The lab takes the worse case.
    """
    for message in _messages(queue):
        older = message.had_receipt_handle(receipt_handle)
        if older and message.receipt_handle != receipt_handle:
            return
    original(queue, receipt_handle)


def _add_move_tasks(queues: Queues) -> None:
    """Give moto the three actions of message move tasks."""

    def start_message_move_task(self: Any) -> ActionResult:
        task = queues.start_task(
            self._get_param("SourceArn"),
            self._get_param("DestinationArn") or "",
            int(self._get_param("MaxNumberOfMessagesPerSecond") or 0),
        )
        return ActionResult({"TaskHandle": task.handle})

    def list_message_move_tasks(self: Any) -> ActionResult:
        source = self._get_param("SourceArn")
        limit = int(self._get_param("MaxResults") or 1)
        tasks = [t.shown() for t in queues.tasks if t.source_arn == source]
        return ActionResult({"Results": tasks[:limit]})

    def cancel_message_move_task(self: Any) -> ActionResult:
        handle = self._get_param("TaskHandle")
        for task in queues.tasks:
            if task.handle == handle and task.status == "RUNNING":
                task.status = "CANCELLED"
                return ActionResult({"ApproximateNumberOfMessagesMoved": task.moved})
        raise SQSException("ResourceNotFoundException", "The task doesn't exist.")

    add(SQSResponse, "start_message_move_task", start_message_move_task)
    add(SQSResponse, "list_message_move_tasks", list_message_move_tasks)
    add(SQSResponse, "cancel_message_move_task", cancel_message_move_task)


def _put_in_order(queue: Any) -> None:
    """Let a message that becomes visible again wait behind those that are already waiting.

    "Best-effort ordering" ("Standard queues") promises little, but nor is it the order of moto, in
    which what was sent first is always received first, however often it comes back.
    """
    if not queue.fifo_queue:
        _messages(queue).sort(key=lambda m: max(m.sent_timestamp, m.delayed_until, m.visible_at))


def install(world: World) -> Queues:
    """Correct moto's queues and add what they lack."""
    queues = Queues(world)

    def mark_received(original: Any, message: Any, visibility_timeout: int | None = None) -> None:
        message.received_at = world.clock.now()
        original(message, visibility_timeout)

    def change_visibility(
        _original: Any, backend: Any, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        queues.change_visibility(backend.get_queue(queue_name), receipt_handle, visibility_timeout)

    def receive(
        original: Any, backend: Any, name: str, count: int, wait: int, *rest: Any, **named: Any
    ) -> list[Any]:
        def attempt() -> list[Any]:
            _put_in_order(backend.get_queue(name))
            return list(original(backend, name, count, 0, *rest, **named))

        return queues.receive(attempt, wait)

    replace(Queue, "attributes", _attributes)
    replace(Queue, "BASE_ATTRIBUTES", lambda names: [*names, "RedriveAllowPolicy"])
    add(Queue, "redrive_allow_policy", None)
    wrap(Queue, "add_message", _add_message)
    wrap(Queue, "_setup_dlq", _setup_dead_letters)
    wrap(Queue, "delete_message", _delete_message)
    wrap(Message, "mark_received", mark_received)
    wrap(SQSBackend, "change_message_visibility", change_visibility)
    wrap(SQSBackend, "receive_message", receive)
    _add_move_tasks(queues)
    world.engines.append(queues)
    return queues
