"""Amazon SQS in memory: the queues of the functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from component.fakes.base import Base, client_error

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/"
VISIBILITY_TIMEOUT = timedelta(seconds=420)
MAXIMUM_ENTRIES = 10
NOT_ALLOWED = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What a message body must not contain (API_SendMessage)."""


@dataclass
class Message:
    """A message.

    Attributes:
        sent: When the queue got it.
        received: How often it was received.
    """

    body: str
    sent: datetime
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
        receipt = self.new_id("receipt")
        message = Message(body, self.now, self.now, receipt, attributes=attributes)
        self.queues[queue].append(message)
        return message

    def receive(self, queue: str, most: int) -> list[Message]:
        """Receive messages as Lambda's poller does."""
        visible = [message for message in self.queues[queue] if message.visible_at <= self.now]
        for message in visible[:most]:
            self.mark_received(message)
        return visible[:most]

    def mark_received(self, message: Message) -> None:
        """Put a message in flight."""
        message.visible_at = self.now + VISIBILITY_TIMEOUT
        message.received += 1

    def in_flight(self, message: Message) -> bool:
        return message.received > 0 and message.visible_at > self.now

    def remove_message(self, queue: str, message: Message) -> None:
        if message in self.queues[queue]:
            self.queues[queue].remove(message)

    def send_message(self, parameters: dict[str, Any]) -> Any:
        body = parameters["MessageBody"]
        if not body or NOT_ALLOWED.search(body):
            raise client_error("InvalidMessageContents")
        attributes = {
            name: value["StringValue"]
            for name, value in parameters.get("MessageAttributes", {}).items()
        }
        self.put(name_of(parameters), body, **attributes)
        return {"MessageId": self.new_id("message")}

    def change_message_visibility(self, parameters: dict[str, Any]) -> Any:
        for message in self.queues[name_of(parameters)]:
            if message.receipt == parameters["ReceiptHandle"]:
                if not self.in_flight(message):
                    raise client_error("AWS.SimpleQueueService.MessageNotInflight")
                pause = timedelta(seconds=parameters["VisibilityTimeout"])
                message.visible_at = self.now + pause
                return {}
        raise client_error("ReceiptHandleIsInvalid")

    def change_message_visibility_batch(self, parameters: dict[str, Any]) -> Any:
        """The result of each entry is reported apart (API_ChangeMessageVisibilityBatch)."""
        if not 1 <= len(parameters["Entries"]) <= MAXIMUM_ENTRIES:
            raise client_error("AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in parameters["Entries"]:
            try:
                self.change_message_visibility({**entry, "QueueUrl": parameters["QueueUrl"]})
            except ClientError as error:
                code = error.response["Error"]["Code"]
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": code})
            else:
                successful.append({"Id": entry["Id"]})
        return {"Successful": successful, "Failed": failed}

    def get_queue_attributes(self, parameters: dict[str, Any]) -> Any:
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(len(self.queues[name_of(parameters)]))
            }
        }


def name_of(parameters: dict[str, Any]) -> str:
    """The name of the queue that a request is for."""
    return str(parameters["QueueUrl"]).removeprefix(URL)
