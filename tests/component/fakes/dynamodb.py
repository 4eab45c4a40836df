"""The table with the records of firewalls, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from component.fakes.base import NAME, Base
from vmseries_autoscale.firewall_records import FirewallRecord, from_item, to_item

RECORDS = f"{NAME}-firewalls"


@dataclass
class DynamoDb(Base):
    """The items of the table by instance id.

    Attributes:
        items: Items as the functions wrote them.
        items_per_page: Number of items on a page of a scan.
    """

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    items_per_page: int = 2

    def record(self, instance_id: str) -> FirewallRecord:
        """The record of an instance; one that is not stored if there is none."""
        item = self.items.get(instance_id)
        return FirewallRecord(instance_id) if item is None else from_item(item)

    def put_record(self, instance_id: str, **changes: Any) -> None:
        """Change the record of an instance, as another invocation does."""
        record = self.record(instance_id)
        new = replace(record, version=record.version + 1, **changes)
        self.items[instance_id] = to_item(new)

    def batch_get_item(self, parameters: dict[str, Any]) -> Any:
        ((table, request),) = parameters["RequestItems"].items()
        self._check(table)
        assert request["ConsistentRead"], "a visit would not see what the last one wrote"
        keys = [key["instance_id"]["S"] for key in request["Keys"]]
        assert 0 < len(keys) <= 100
        assert len(set(keys)) == len(keys), "ValidationException: duplicates"
        return {"Responses": {table: [self.items[key] for key in keys if key in self.items]}}

    def scan(self, parameters: dict[str, Any]) -> Any:
        self._check(parameters["TableName"])
        assert parameters["ConsistentRead"]
        start = parameters.get("ExclusiveStartKey", {"instance_id": {"S": ""}})
        keys = sorted(key for key in self.items if key > start["instance_id"]["S"])
        page = keys[: self.items_per_page]
        more = {"LastEvaluatedKey": {"instance_id": {"S": page[-1]}}} if keys[len(page) :] else {}
        return {"Items": [self.items[key] for key in page]} | more

    def put_item(self, parameters: dict[str, Any]) -> Any:
        self._check(parameters["TableName"])
        key = parameters["Item"]["instance_id"]["S"]
        self._check_condition(key, parameters)
        self.items[key] = parameters["Item"]
        return {}

    def _check(self, table: str) -> None:
        assert table == RECORDS, table

    def _check_condition(self, key: str, parameters: dict[str, Any]) -> None:
        """The conditions that the store writes: no item, or one of this version."""
        found = self.items.get(key)
        if parameters["ConditionExpression"] == "attribute_not_exists(#key)":
            met = found is None
        else:
            assert parameters["ConditionExpression"] == "#version = :version"
            wanted = parameters["ExpressionAttributeValues"][":version"]
            met = found is not None and found["version"] == wanted
        if not met:
            error = {"Code": "ConditionalCheckFailedException", "Message": "failed"}
            old = {"Item": found} if found is not None else {}
            raise ClientError({"Error": error, **old}, "PutItem")  # type: ignore[typeddict-item]
