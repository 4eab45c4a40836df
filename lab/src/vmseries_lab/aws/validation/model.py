"""AWS's models of requests, in the form in which the lab checks requests with them.

The model of a service is botocore's (https://github.com/boto/botocore/tree/develop/botocore/data).
Each action has a tree of nodes, made when a request first gets there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.model import OperationModel, Shape

from vmseries_lab.aws.validation.constraints import Constraint, of_schema, of_shape

Rules = Callable[[str], Sequence[Constraint]]
"""Further constraints, as a function of the path of a member, such as ``Tags[].Key``."""


def no_rules(_path: str) -> Sequence[Constraint]:
    """Return no further constraints."""
    return ()


LONGEST_SHOWN = 200
"""Characters of a value in a report or message."""


class Node:
    """One member of a request.

    Args:
        shape: its shape in botocore's model.
        schema: the property of the CloudFormation resource that it sets, with the schema's
            definitions; empty if none.
        rules: constraints of the action beyond the models.
        path: where the member is, such as ``Tags[].Key``.

    Attributes:
        kind: type of the value, as in botocore's model.
        is_document: whether it is any JSON document.
        fixed_query: of an action's input, keys of the query string that only select the action.
    """

    def __init__(
        self,
        shape: Shape | None,
        schema: Schema | None = None,
        rules: Rules = no_rules,
        path: str = "",
    ) -> None:
        self._shape = shape
        self._schema = schema or Schema({}, {})
        self._rules = rules
        self.path = path
        self.fixed_query: frozenset[str] = frozenset()
        self.kind = "structure" if shape is None else str(shape.type_name)
        self._entries: dict[str, Node] = {}
        self.is_document = bool(getattr(shape, "is_document_type", False))

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints of all sources on the member's value.

        CloudFormation may be stricter than the API: it wants tags of alarms to have a value. So
        its limits count only where the API's model has none.
        """
        found = [*of_shape(self._shape)] if self._shape is not None else []
        limited = {each.kind for each in found} & {"min", "max"}
        schema = of_schema(self.kind, self._schema.resolved, self._schema.name)
        found = [*(each for each in schema if each.kind not in limited), *found]
        found += self._rules(self.path)
        # The first source of a constraint counts, except that further rules have AWS's words.
        return tuple({(c.kind, str(c.limit)): c for c in found}.values())

    @cached_property
    def members(self) -> dict[str, Node]:
        """Members of a structure, by their names in the model."""
        members = getattr(self._shape, "members", {})
        return {
            name: Node(
                shape,
                self._schema.child(name),
                self._rules,
                f"{self.path}.{name}" if self.path else name,
            )
            for name, shape in members.items()
        }

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the members that a structure must have."""
        return tuple(getattr(self._shape, "required_members", ()))

    @cached_property
    def item(self) -> Node:
        """The item of a list, or the value of a map."""
        shape = self._shape.member if self.kind == "list" else self._shape.value  # type: ignore[union-attr]
        return Node(shape, self._schema.item, self._rules, f"{self.path}[]")

    def entry(self, key: str) -> Node:
        """The value of a map at a key, which may be a property of a CloudFormation resource."""
        if key not in self._entries:
            schema = self._schema.child(key)
            self._entries[key] = (
                Node(self.item._shape, schema, self._rules, self.item.path)  # noqa: SLF001
                if schema.resolved
                else self.item
            )
        return self._entries[key]

    @cached_property
    def key(self) -> Node:
        """The key of a map."""
        return Node(self._shape.key, None, self._rules, f"{self.path}{{}}")  # type: ignore[union-attr]

    def shown(self, value: Any) -> str:
        """Return a value for a report: shortened, and without secrets."""
        if self._shape is not None and self._shape.metadata.get("sensitive"):
            return "***"
        return str(value)[:LONGEST_SHOWN]

    # How the member is written on the wire.

    @property
    def _serialization(self) -> dict[str, Any]:
        return {} if self._shape is None else self._shape.serialization

    @property
    def location(self) -> str:
        """Part of an HTTP request with the member: ``uri``, ``header``…, empty for the body."""
        return str(self._serialization.get("location", ""))

    @property
    def wire_name(self) -> str:
        """Name in the path, query string, header or JSON document."""
        return str(self._serialization.get("name", self.path.rsplit(".", 1)[-1]))

    @property
    def query_name(self) -> str:
        """Name in a query, empty if it is the default."""
        return str(self._serialization.get("name", ""))

    @property
    def flattened(self) -> bool:
        """Whether the items of a list or map follow its name directly in a query."""
        return bool(self._serialization.get("flattened"))

    @cached_property
    def by_name(self) -> dict[str, str]:
        """Names in the model by the names in a JSON body."""
        return {m.wire_name: name for name, m in self.members.items() if not m.location}

    def by_query_name(self, *, ec2: bool) -> dict[str, str]:
        """Names in the model by the names in a query."""
        return self._ec2_names if ec2 else self._query_names

    @cached_property
    def _query_names(self) -> dict[str, str]:
        names = {}
        for name, member in self.members.items():
            on_wire = member.query_name or name
            if member.kind == "list" and member.flattened:
                on_wire = member.item.query_name or on_wire
            names[on_wire] = name
        return names

    @cached_property
    def _ec2_names(self) -> dict[str, str]:
        names = {}
        for name, member in self.members.items():
            serialization = member._serialization  # noqa: SLF001
            on_wire = serialization.get("queryName") or serialization.get("name") or name
            names[on_wire[:1].upper() + on_wire[1:]] = name
        return names

    @property
    def payload(self) -> str | None:
        """Name of the member that is the whole body, if there is one."""
        return self._serialization.get("payload")


class Schema:
    """A property in a CloudFormation schema.

    Args:
        name: of the resource type, for messages.
    """

    def __init__(
        self, definition: Mapping[str, Any], definitions: Mapping[str, Any], name: str = ""
    ) -> None:
        self._definitions = definitions
        self.name = name
        self.resolved: Mapping[str, Any] = definition
        while "$ref" in self.resolved:
            self.resolved = definitions.get(str(self.resolved["$ref"]).rsplit("/", 1)[-1], {})

    def child(self, name: str) -> Schema:
        """The property of this name, or one without constraints."""
        return self._inner(self.resolved.get("properties", {}).get(name))

    @property
    def item(self) -> Schema:
        """The items of an array."""
        return self._inner(self.resolved.get("items"))

    def _inner(self, definition: Any) -> Schema:
        usable = definition if isinstance(definition, dict) else {}
        return Schema(usable, self._definitions, self.name)


def input_of(operation: OperationModel, schema: Schema | None, rules: Rules) -> Node:
    """Return the tree of an action's input."""
    root = Node(operation.input_shape, schema, rules)
    uri = urlsplit(str(operation.http.get("requestUri", "")))
    root.fixed_query = frozenset(key for key, _ in parse_qsl(uri.query, keep_blank_values=True))
    return root


def walk(node: Node, value: Any, path: str = "") -> Iterator[tuple[Node, Any, str]]:
    """Yield each node that a request sets, its value, and its path in the request."""
    yield node, value, path
    if node.kind == "structure" and isinstance(value, dict) and not node.is_document:
        for name, inner in value.items():
            yield from walk(node.members[name], inner, f"{path}.{name}" if path else name)
    elif node.kind == "list" and isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from walk(node.item, inner, f"{path}.{number}")
    elif node.kind == "map" and isinstance(value, dict):
        for key, inner in value.items():
            yield node.key, key, f"{path}.key"
            yield from walk(node.entry(str(key)), inner, f"{path}.{key}")
