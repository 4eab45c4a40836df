"""Queues: receives, visibility timeouts, receipt handles, retention, redrive policies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.sqs.exceptions import ReceiptHandleIsInvalid, SQSException
from moto.sqs.models import Message, Queue, SQSBackend

from vmseries_lab.aws.moto_patching import add, backend, replace, wrap
from vmseries_lab.core.world import World

POLL_SECONDS = 0.02
"""Real time between two attempts of a long poll."""
IN_FLIGHT_LIMIT_SECONDS = 43_200
"""Longest time from one receive to the end of its visibility timeout ("Visibility timeout")."""


@dataclass
class Queues:
    """The queues of the account: expiry of messages, long polls, visibility timeouts."""

    world: World

    def tick(self, now: float) -> None:
        """Delete messages that are older than their queue's retention period."""
        for queue in backend("sqs").queues.values():
            if not _messages(queue):
                continue
            oldest = (now - int(queue.message_retention_period)) * 1000
            expired = [m for m in _messages(queue) if m.sent_timestamp <= oldest]
            for message in expired:
                remove(queue, message)
                self.world.timeline.add("queues", "message-expired", queue.name, id=message.id)

    def busy(self) -> bool:
        """Return False: queues have no work in real time."""
        return False

    def receive(self, attempt: Callable[[], list[Any]], wait_seconds: float) -> list[Any]:
        """Receive messages; if there are none, wait on the lab's clock ("Long polling").

        Attempts hold the world's lock; the wait between them does not.

        Args:
            attempt: receives once, without waiting.
            wait_seconds: lab seconds until an empty response.
        """
        end, give_up = self.world.clock.now() + wait_seconds, time.monotonic() + wait_seconds
        while True:
            with self.world.lock:
                messages = attempt()
            # The clock stands still while a function waits here, so real time limits the wait, too.
            if messages or self.world.clock.now() >= end or time.monotonic() > give_up:
                return messages
            time.sleep(POLL_SECONDS)

    def change_visibility(self, queue: Any, receipt_handle: str, seconds: int) -> None:
        """ChangeMessageVisibility (API reference).

        The twelve hours count from the receive; moto counts them from the sending. A message that
        is not in flight is rejected.

        Raises:
            SQSException: if SQS would reject the request.
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

    def change_visibility_batch(
        self, queue: Any, entries: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """ChangeMessageVisibilityBatch (API reference): each entry succeeds or fails by itself.

        Returns:
            The ids of the entries that succeeded, and the errors of the others; moto raises the
            error of a message that is not in flight, and fails the whole request.
        """
        successful: list[str] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                self.change_visibility(queue, entry["ReceiptHandle"], entry["VisibilityTimeout"])
            except SQSException as error:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "SenderFault": True,
                        "Code": error.code,
                        "Message": error.message,
                    }
                )
            else:
                successful.append(entry["Id"])
        return successful, failed


def _messages(queue: Any) -> list[Any]:
    """Return all messages of a queue, visible or not; moto has no public name for them."""
    messages: list[Any] = queue._messages  # noqa: SLF001
    return messages


def remove(queue: Any, message: Any) -> None:
    """Remove a message from a queue."""
    _messages(queue).remove(message)
    queue.pending_messages.discard(message)


def in_flight(message: Any) -> bool:
    """Whether the message was received and its visibility timeout has not expired."""
    return message.approximate_receive_count > 0 and not message.visible


def _attributes(original: Any) -> Any:
    def attributes(queue: Any) -> dict[str, Any]:
        values: dict[str, Any] = original.fget(queue)
        if values.get("RedrivePolicy"):
            # SQS writes no spaces; with spaces, every Terraform plan shows a change.
            values["RedrivePolicy"] = json.dumps(queue.redrive_policy, separators=(",", ":"))
        return values

    return property(attributes)


def _set_attributes(original: Any, queue: Any, attributes: dict[str, Any], *now: float) -> None:
    """Change the attributes that a request names, and no other.

    Source: API reference, SetQueueAttributes: "A map of attributes to set". moto removes the policy
    if the request does not name it.
    """
    policy = queue.policy if hasattr(queue, "_policy_json") else None
    original(queue, attributes, *now)
    if "Policy" not in attributes:
        queue.policy = policy


def _add_message(original: Any, queue: Any, message: Any) -> None:
    """Record the source queue of a message that moves to a dead-letter queue."""
    message.came_from = getattr(message, "home", "")
    message.home = queue.queue_arn
    original(queue, message)


def _setup_dead_letters(original: Any, queue: Any, policy: Any) -> None:
    """Reject a dead-letter queue that does not allow this queue as a source.

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
    """Delete a message only by its latest receipt handle.

    Source: API reference, DeleteMessage: with an older handle the request succeeds, and "the
    message might not be deleted". The lab does not delete it, which is the harder case.
    """
    for message in _messages(queue):
        older = message.had_receipt_handle(receipt_handle)
        if older and message.receipt_handle != receipt_handle:
            return
    original(queue, receipt_handle)


def _put_in_order(queue: Any) -> None:
    """Put a message that becomes visible again behind the messages that already wait.

    "Best-effort ordering" ("Standard queues") promises little, but it is not moto's order either:
    moto always returns the oldest message first, even if it was received many times.
    """
    if not queue.fifo_queue:
        _messages(queue).sort(key=lambda m: max(m.sent_timestamp, m.delayed_until, m.visible_at))


def install(world: World) -> Queues:
    """Correct moto's queues."""
    queues = Queues(world)

    def mark_received(original: Any, message: Any, visibility_timeout: int | None = None) -> None:
        message.received_at = world.clock.now()
        original(message, visibility_timeout)

    def change_visibility(
        _original: Any, backend: Any, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        queues.change_visibility(backend.get_queue(queue_name), receipt_handle, visibility_timeout)

    def change_visibility_batch(
        _original: Any, backend: Any, queue_name: str, entries: list[dict[str, Any]]
    ) -> tuple[list[str], list[dict[str, Any]]]:
        return queues.change_visibility_batch(backend.get_queue(queue_name), entries)

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
    wrap(Queue, "_set_attributes", _set_attributes)
    wrap(Queue, "add_message", _add_message)
    wrap(Queue, "_setup_dlq", _setup_dead_letters)
    wrap(Queue, "delete_message", _delete_message)
    wrap(Message, "mark_received", mark_received)
    wrap(SQSBackend, "change_message_visibility", change_visibility)
    wrap(SQSBackend, "change_message_visibility_batch", change_visibility_batch)
    wrap(SQSBackend, "receive_message", receive)
    world.engines.append(queues)
    return queues
