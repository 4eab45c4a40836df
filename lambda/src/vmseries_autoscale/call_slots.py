"""Limit the calls to one Panorama at a time, over all deployments that share a table.

"For performance considerations, limit the number of concurrent API calls to five" (PAN-OS and
Panorama API Usage Guide, "PAN-OS XML API Components"). The concurrency of a deployment's functions
limits its own calls. Several deployments share a DynamoDB table with one item for each call: a call
takes a free item, and gives it back at its end. The item of a function that died is free again when
its lease ends.

The table only protects Panorama. So a call goes ahead without a slot if the table does not answer.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vmseries_autoscale.errors import PANORAMA, DeviceBusyError, aws_error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

CALLS = 5
"""Calls at a time, of all deployments."""

KEY, HOLDER, LEASE_END = "slot_id", "holder", "lease_end"
"""Attributes of an item: its number as a text, which is the key; who has it; and until when, in
seconds since the epoch. None of them is a reserved word of DynamoDB."""

WAIT_SECONDS = 5.0
"""How long a call waits for a slot, before the visit is retried."""

PAUSES = (0.1, 0.4)
"""The shortest and the longest pause before all slots are tried again, in seconds. It is random, so
that functions that wait do not try in step."""

_TAKEN = "ConditionalCheckFailedException"


class CallSlots:
    """The slots for calls to one Panorama. Not thread-safe, like the connection that uses them.

    Args:
        client: Client of Amazon DynamoDB.
        table: Name or ARN of the table.
        lease_seconds: Longest duration of a call.
        clock: Returns the time in seconds since the epoch.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        lease_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._sleep = sleep
        self._usable = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold a slot during the context.

        Raises:
            DeviceBusyError: If there is no free slot for ``WAIT_SECONDS``.
        """
        holder = uuid.uuid4().hex
        slot = self._take(holder) if self._usable else None
        try:
            yield
        finally:
            if slot is not None:
                self._give_back(slot, holder)

    def _take(self, holder: str) -> str | None:
        """Return the slot that is now ours; ``None`` if the table cannot be used."""
        slots = [str(number) for number in range(1, CALLS + 1)]
        end = self._clock() + WAIT_SECONDS
        while True:
            # So that functions do not all try the same slot first.
            for slot in random.sample(slots, len(slots)):
                try:
                    if self._put(slot, holder, self._lease_seconds):
                        return slot
                except (ClientError, BotoCoreError) as error:
                    self._usable = False
                    logger.warning(
                        "Calls to Panorama are not limited together with other deployments",
                        extra={"table": self._table, "reason": str(error)},
                    )
                    return None
            if self._clock() >= end:
                raise DeviceBusyError(
                    PANORAMA,
                    f"{CALLS} calls to Panorama are under way, of all deployments that share "
                    "panorama.call_slots_table_arn",
                )
            self._sleep(random.uniform(*PAUSES))  # noqa: S311 - not for security

    def _give_back(self, slot: str, holder: str) -> None:
        """Free a slot, unless its lease has ended and it belongs to another call."""
        try:
            self._put(slot, holder, 0, only_ours=True)
        except (ClientError, BotoCoreError) as error:
            # It is free when its lease ends.
            logger.warning(
                "Could not give back a slot for calls to Panorama",
                extra={"table": self._table, "reason": str(error)},
            )

    def _put(self, slot: str, holder: str, seconds: float, *, only_ours: bool = False) -> bool:
        """Write an item if nobody else has it; return whether it was written."""
        now = self._clock()
        ours, free = f"{HOLDER} = :holder", f"attribute_not_exists({KEY}) OR {LEASE_END} <= :now"
        value = {":holder": {"S": holder}} if only_ours else {":now": {"N": str(now)}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    KEY: {"S": slot},
                    HOLDER: {"S": holder},
                    LEASE_END: {"N": str(now + seconds)},
                },
                ConditionExpression=ours if only_ours else free,
                ExpressionAttributeValues=value,
            )
        except ClientError as error:
            if aws_error_code(error) == _TAKEN:
                return False
            raise
        return True
