"""Amazon SQS in memory: the queues of the functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from component.fakes.base import Base

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/"
VISIBILITY_TIMEOUT = timedelta(seconds=420)


@dataclass
class Message:
    body: str
    visible_at: datetime
    receipt: str
    received: int = 0
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Sqs(Base):
    """The queues, by name: the last part of their URLs."""

    queues: dict[str, list[Message]] = field(
        default_factory=lambda: {"launch": [], "terminate": [], "dead": []}
    )

    def put(self, queue: str, body: str, **attributes: str) -> Message:
        message = Message(body, self.now, self.new_id("receipt"), attributes=attributes)
        self.queues[queue].append(message)
        return message

    def receive(self, queue: str, most: int) -> list[Message]:
        """Receive messages as Lambda's poller does."""
        visible = [message for message in self.queues[queue] if message.visible_at <= self.now]
        for message in visible[:most]:
            message.visible_at = self.now + VISIBILITY_TIMEOUT
            message.received += 1
        return visible[:most]

    def remove_message(self, queue: str, message: Message) -> None:
        if message in self.queues[queue]:
            self.queues[queue].remove(message)

    def send_message(self, parameters: dict[str, Any]) -> Any:
        attributes = {
            name: value["StringValue"]
            for name, value in parameters.get("MessageAttributes", {}).items()
        }
        self.put(name_of(parameters), parameters["MessageBody"], **attributes)
        return {"MessageId": self.new_id("message")}

    def change_message_visibility(self, parameters: dict[str, Any]) -> Any:
        for message in self.queues[name_of(parameters)]:
            if message.receipt == parameters["ReceiptHandle"]:
                pause = timedelta(seconds=parameters["VisibilityTimeout"])
                message.visible_at = self.now + pause
        return {}

    def get_queue_attributes(self, parameters: dict[str, Any]) -> Any:
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(len(self.queues[name_of(parameters)]))
            }
        }


def name_of(parameters: dict[str, Any]) -> str:
    """The name of the queue that a request is for."""
    return str(parameters["QueueUrl"]).removeprefix(URL)
