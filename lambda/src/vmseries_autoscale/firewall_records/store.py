"""Read and write the records of firewalls in DynamoDB.

All reads are consistent, so that a visit sees what the visit before it wrote. A write succeeds only
if nobody has written the record since it was read, so that no invocation undoes the work of
another one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from vmseries_autoscale.aws import clients, limits
from vmseries_autoscale.errors import (
    RecordConflictError,
    RecordError,
    RecordFormatError,
    TimeBudgetExceededError,
    aws_error_code,
)
from vmseries_autoscale.firewall_records.record import (
    KEY,
    FirewallRecord,
    from_item,
    instance_id_of,
    to_item,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAXIMUM_KEYS = 100
"""Maximum number of items of one request (API_BatchGetItem)."""

ATTEMPTS = 3
"""How often the keys are asked for that DynamoDB has not processed. It leaves keys unprocessed if
the table is throttled (API_BatchGetItem)."""

PAUSE_SECONDS = 0.2
"""The first pause before they are asked for again. It doubles each time."""

CONDITION_FAILED = "ConditionalCheckFailedException"


def connect(table: str) -> FirewallRecords:
    """Return the records in a table.

    Args:
        table: Name of the table.
    """
    return FirewallRecords(clients.dynamodb(), table)


class FirewallRecords:
    """The records of one deployment.

    Every method raises a RecordError if DynamoDB does not execute a request.

    Args:
        client: Client of Amazon DynamoDB.
        table: Name of the table.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def read(self, instance_ids: Collection[str]) -> dict[str, FirewallRecord]:
        """Read the records of instances.

        Returns:
            The records by instance id. Instances without one are absent. A record whose item
            cannot be read is ambiguous, and is logged.
        """
        items: list[Mapping[str, Any]] = []
        for batch in limits.batches(sorted(set(instance_ids)), MAXIMUM_KEYS):
            items += self._read_batch(batch)
        return _records(items)

    def _read_batch(self, instance_ids: Iterable[str]) -> list[Mapping[str, Any]]:
        request: Any = {"Keys": [{KEY: {"S": key}} for key in instance_ids], "ConsistentRead": True}
        items: list[Mapping[str, Any]] = []
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
            response = self._run(
                "read",
                partial(self._client.batch_get_item, RequestItems={self._table: request}),
            )
            items += response.get("Responses", {}).get(self._table, ())
            request = response.get("UnprocessedKeys", {}).get(self._table)
            if not request:
                return items
        raise RecordError(f"could not read all records: table {self._table} is throttled")

    def read_all(self, has_time: Callable[[], bool]) -> dict[str, FirewallRecord]:
        """Read all records, by instance id. See ``read``.

        Args:
            has_time: Returns whether there is time for another request.

        Raises:
            TimeBudgetExceededError: If there is no time for all pages.
        """
        items: list[Mapping[str, Any]] = []
        position: dict[str, Any] = {}
        while True:
            response = self._run(
                "read",
                partial(self._client.scan, TableName=self._table, ConsistentRead=True, **position),
            )
            items += response.get("Items", ())
            if not response.get("LastEvaluatedKey"):
                return _records(items)
            if not has_time():
                raise TimeBudgetExceededError("no time left to read all records of firewalls")
            position = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def save(self, record: FirewallRecord) -> FirewallRecord:
        """Write a record, unless another invocation has written it since it was read.

        Returns:
            The record with its new version.

        Raises:
            RecordConflictError: If another invocation wrote first.
            RecordFormatError: If the record has a value that could not be read again.
        """
        if not record.readable:
            raise RecordFormatError(f"{record.ambiguous}; nothing is written over it")
        new = replace(record, version=record.version + 1)
        item: Any = to_item(new)
        put = partial(
            self._client.put_item,
            TableName=self._table,
            Item=item,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **_condition(record),
        )
        try:
            self._run("write", put)
        except RecordError as error:
            cause = error.__cause__
            if not isinstance(cause, ClientError) or aws_error_code(cause) != CONDITION_FAILED:
                raise
            # botocore repeats a request whose response was lost, and then the condition fails
            # because the first one succeeded.
            found: Any = cause.response.get("Item") or {}
            if _comparable(found) != _comparable(item):
                raise RecordConflictError(
                    f"another invocation has changed the record of {record.instance_id} in the "
                    "meantime"
                ) from cause
        return new

    def _run(self, verb: str, request: Callable[[], T]) -> T:
        try:
            return request()
        except (ClientError, BotoCoreError) as error:
            raise RecordError(
                f"could not {verb} records in table {self._table}: {error}"
            ) from error


def _condition(record: FirewallRecord) -> dict[str, Any]:
    """Return the condition that the stored version is the one that was read."""
    if not record.stored:
        return {
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": KEY},
        }
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": {"N": str(record.version)}},
    }


def _comparable(item: Mapping[str, Any]) -> object:
    """Return an item in a form that does not depend on the order of its sets."""
    return {name: sorted(value["SS"]) if "SS" in value else value for name, value in item.items()}


def _records(items: Iterable[Mapping[str, Any]]) -> dict[str, FirewallRecord]:
    records: dict[str, FirewallRecord] = {}
    for item in items:
        try:
            record = from_item(item)
        except RecordFormatError as error:
            logger.error("A record cannot be read", extra={"reason": str(error)})  # noqa: TRY400
            if (instance_id := instance_id_of(item)) is not None:
                records[instance_id] = FirewallRecord.unreadable(instance_id, error)
            continue
        records[record.instance_id] = record
    return records
