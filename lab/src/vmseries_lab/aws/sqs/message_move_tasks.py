"""Message move tasks: moving messages out of a dead-letter queue, e.g. back to their source.

Source: API reference, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask. The action
is limited to dead-letter queues of other queues. Whether it moves messages that SQS itself did not
move to such a queue is not documented (``core/assumptions``).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.responses import SQSResponse

from vmseries_lab.aws.moto_patching import add, backend
from vmseries_lab.aws.sqs.queues import remove
from vmseries_lab.core.world import World


@dataclass
class MoveTask:
    """A message move task.

    Attributes:
        rate: maximum number of messages per second; 0 for as fast as possible.
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

    def described(self) -> dict[str, Any]:
        """Return the task as ListMessageMoveTasks shows it."""
        task: dict[str, Any] = {
            "Status": self.status,
            "SourceArn": self.source_arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": int(self.started_at * 1000),
        }
        if self.status == "RUNNING":
            task["TaskHandle"] = self.handle
        if self.destination_arn:
            task["DestinationArn"] = self.destination_arn
        if self.rate:
            task["MaxNumberOfMessagesPerSecond"] = self.rate
        if self.failure:
            task["FailureReason"] = self.failure
        return task


@dataclass
class MoveTasks:
    """The message move tasks of the account, newest first; their engine."""

    world: World
    tasks: list[MoveTask] = field(default_factory=list)

    def tick(self, now: float) -> None:
        """Move messages for the running tasks."""
        for task in self.tasks:
            if task.status == "RUNNING":
                self._move(task, now)

    def busy(self) -> bool:
        """Whether a task without a rate has messages left to move."""
        return any(task.status == "RUNNING" and not task.rate for task in self.tasks)

    def start(self, source_arn: str, destination_arn: str, rate: int) -> MoveTask:
        """Start moving messages out of a dead-letter queue.

        Raises:
            SQSException: if SQS would reject the request.
        """
        store = backend("sqs")
        source = _queue_by_arn(source_arn)
        if source is None or (destination_arn and _queue_by_arn(destination_arn) is None):
            raise SQSException(
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn parameter doesn't exist.",
            )
        if not store.list_dead_letter_source_queues(source.name):
            raise SQSException(
                "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."
            )
        if any(task.source_arn == source_arn and task.status == "RUNNING" for task in self.tasks):
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
            came_from = getattr(message, "came_from", "")
            if not came_from and self.world.assumptions["foreign-dead-letters"] == "stay":
                target = None
            else:
                target = _queue_by_arn(task.destination_arn or came_from)
            if target is None:
                task.status = "FAILED"
                task.failure = "CouldNotDetermineMessageSource"
                return
            remove(source, message)
            # "Redriven messages are considered new messages with a new messageID and enqueueTime".
            backend("sqs").send_message(
                target.name, message.body, message_attributes=message.message_attributes
            )
            task.moved += 1
        if task.moved >= task.to_move or not source.messages:
            task.status = "COMPLETED"


def _queue_by_arn(arn: str) -> Any:
    return backend("sqs").queues.get(arn.rsplit(":", 1)[-1]) if arn else None


def install(world: World) -> MoveTasks:
    """Give moto the three actions of message move tasks."""
    move_tasks = MoveTasks(world)

    def start_message_move_task(self: Any) -> ActionResult:
        task = move_tasks.start(
            self._get_param("SourceArn"),
            self._get_param("DestinationArn") or "",
            int(self._get_param("MaxNumberOfMessagesPerSecond") or 0),
        )
        return ActionResult({"TaskHandle": task.handle})

    def list_message_move_tasks(self: Any) -> ActionResult:
        source_arn = self._get_param("SourceArn")
        limit = int(self._get_param("MaxResults") or 1)
        tasks = [t.described() for t in move_tasks.tasks if t.source_arn == source_arn]
        return ActionResult({"Results": tasks[:limit]})

    def cancel_message_move_task(self: Any) -> ActionResult:
        handle = self._get_param("TaskHandle")
        for task in move_tasks.tasks:
            if task.handle == handle and task.status == "RUNNING":
                task.status = "CANCELLED"
                return ActionResult({"ApproximateNumberOfMessagesMoved": task.moved})
        raise SQSException("ResourceNotFoundException", "The task doesn't exist.")

    add(SQSResponse, "start_message_move_task", start_message_move_task)
    add(SQSResponse, "list_message_move_tasks", list_message_move_tasks)
    add(SQSResponse, "cancel_message_move_task", cancel_message_move_task)
    world.engines.append(move_tasks)
    return move_tasks
