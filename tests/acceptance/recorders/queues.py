"""SQS, with queues of the run's own, which it deletes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from acceptance.choices import RUN_TAG
from acceptance.facts import Answer, Evidence, Fact

POLLS = 12
POLL_SECONDS = 10.0


class Queues:
    """Queues of a run."""

    def __init__(self, evidence: Evidence) -> None:
        self.sqs = evidence.account.client("sqs")
        self._clock = evidence.account.clock
        self._prefix = f"{evidence.plan.name}-acceptance"
        self._tags = {RUN_TAG: evidence.run_name}
        self._urls: list[str] = []

    def create(self, **attributes: str) -> str:
        """Create a queue, and return its URL."""
        url: str = self.sqs.create_queue(
            QueueName=f"{self._prefix}-{uuid.uuid4().hex[:12]}",
            Attributes=attributes,
            tags=self._tags,
        )["QueueUrl"]
        self._urls.append(url)
        return url

    def arn(self, url: str) -> str:
        """Return the ARN of a queue."""
        shown = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(shown["Attributes"]["QueueArn"])

    def receive(self, url: str, visibility: int) -> str | None:
        """Return the receipt handle of a message, waiting for it for a while."""
        for _ in range(POLLS):
            shown = self.sqs.receive_message(QueueUrl=url, VisibilityTimeout=visibility)
            if messages := shown.get("Messages"):
                return str(messages[0]["ReceiptHandle"])
            self._clock.wait(POLL_SECONDS)
        return None

    def arrives(self, url: str, *, visit: str | None = None) -> bool:
        """Return whether a message arrives in a queue, while ``visit`` is received from."""
        for _ in range(POLLS):
            if visit is not None:
                self.sqs.receive_message(QueueUrl=visit, VisibilityTimeout=1)
            self._clock.wait(POLL_SECONDS)
            name = "ApproximateNumberOfMessages"
            shown = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
            if int(shown["Attributes"][name]) > 0:
                return True
        return False

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._clock.wait(seconds)

    def delete(self) -> None:
        """Delete the queues."""
        for url in self._urls:
            self.sqs.delete_queue(QueueUrl=url)


@contextmanager
def own_queues(evidence: Evidence) -> Iterator[Queues]:
    """Give queues, and delete them."""
    queues = Queues(evidence)
    try:
        yield queues
    finally:
        queues.delete()


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"]).rpartition(".")[2]


def foreign_handle(evidence: Evidence) -> Answer | None:
    """Use the receipt handle of one queue with another one."""
    with own_queues(evidence) as queues:
        first, second = queues.create(), queues.create()
        queues.sqs.send_message(QueueUrl=first, MessageBody="acceptance")
        handle = queues.receive(first, 300)
        if handle is None:
            return None
        entries = [{"Id": "0", "ReceiptHandle": handle, "VisibilityTimeout": 1}]
        try:
            shown = queues.sqs.change_message_visibility_batch(QueueUrl=second, Entries=entries)
        except ClientError as error:
            return Answer("refused", _code(error))
        failed = shown.get("Failed", [])
        return Answer("refused", str(failed[0]["Code"])) if failed else Answer("accepted")


def expired_handle(evidence: Evidence) -> Answer | None:
    """Use the receipt handle of a message whose visibility timeout has passed."""
    with own_queues(evidence) as queues:
        url = queues.create()
        queues.sqs.send_message(QueueUrl=url, MessageBody="acceptance")
        handle = queues.receive(url, 1)
        if handle is None:
            return None
        queues.wait(POLL_SECONDS)
        entries = [{"Id": "0", "ReceiptHandle": handle, "VisibilityTimeout": 1}]
        try:
            shown = queues.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
        except ClientError as error:
            return Answer("error-of-the-request", _code(error))
        failed = shown.get("Failed", [])
        return (
            Answer("error-of-the-entry", str(failed[0]["Code"])) if failed else Answer("accepted")
        )


def redrive_and_policy(evidence: Evidence) -> Answer | None:
    """Receive a message too often, with a dead-letter queue whose policy denies all senders."""
    with own_queues(evidence) as queues:
        dead = queues.create()
        arn = queues.arn(dead)
        denial = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
        queues.sqs.set_queue_attributes(QueueUrl=dead, Attributes={"Policy": policy})
        source = queues.create(RedrivePolicy=_redrive(arn, receives=1))
        queues.sqs.send_message(QueueUrl=source, MessageBody="acceptance")
        return Answer("moved" if queues.arrives(dead, visit=source) else "not-moved")


def move_task(evidence: Evidence) -> Answer | None:
    """Move a message back that came into a dead-letter queue by SendMessage."""
    with own_queues(evidence) as queues:
        dead = queues.create()
        arn = queues.arn(dead)
        source = queues.create(RedrivePolicy=_redrive(arn, receives=1000))
        queues.sqs.send_message(QueueUrl=dead, MessageBody="acceptance")
        try:
            queues.sqs.start_message_move_task(SourceArn=arn, DestinationArn=queues.arn(source))
        except ClientError as error:
            return Answer("stay", _code(error))
        return Answer("move" if queues.arrives(source) else "stay")


def _redrive(arn: str, *, receives: int) -> str:
    policy: dict[str, Any] = {"deadLetterTargetArn": arn, "maxReceiveCount": receives}
    return json.dumps(policy)


NO_MESSAGE = "SQS did not deliver the run's own message in time"
FACTS = (
    Fact(
        "foreign-receipt-handle",
        "Does SQS refuse a receipt handle of another queue?",
        "refused",
        foreign_handle,
        NO_MESSAGE,
    ),
    Fact(
        "expired-receipt-handle",
        "How does SQS report a message that is no longer in flight?",
        "error-of-the-entry",
        expired_handle,
        NO_MESSAGE,
    ),
    Fact(
        "redrive-ignores-queue-policy",
        "Does SQS move a message to a dead-letter queue whose policy denies all senders?",
        "moved",
        redrive_and_policy,
        NO_MESSAGE,
    ),
    Fact(
        "foreign-dead-letters",
        "Does a message move task move messages that SQS itself did not put into the queue?",
        "stay or move",
        move_task,
        NO_MESSAGE,
    ),
)
