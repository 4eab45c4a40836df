"""Reads the parameters of a call from the wire, and keeps what the service's model does not know.

The result has the structure of the request. Scalars of the query protocols and of headers are text;
those of JSON have their JSON types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from vmseries_lab.aws.validation.model import Node

NOT_PARAMETERS = frozenset({"Action", "Version", "AWSAccessKeyId", "SecurityToken", "Timestamp"})
"""Keys of a query that name the call or sign it.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html
"""
LEAF = ""
"""Key of a branch's own value, where a query has both ``A`` and ``A.1``."""


class MalformedRequestError(ValueError):
    """The request does not have the form of its protocol."""


@dataclass(slots=True)
class Request:
    """The parameters of one call.

    Attributes:
        parameters: by the names in the model.
        unknown: paths of the parameters that the model does not know.
        unchecked: what could not be read, as (member, reason).
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    unchecked: list[tuple[str, str]] = field(default_factory=list)


def read(protocol: str, root: Node, http: Any, uri: dict[str, Any]) -> Request:
    """Read a request.

    Args:
        protocol: protocol of the request, as in the service's model.
        root: model of the action's input.
        http: werkzeug's request.
        uri: parameters that the path contains, by their names in the model.

    Raises:
        MalformedRequestError: if the request cannot be parsed.
    """
    request = Request()
    if protocol in ("ec2", "query"):
        request.parameters = _Query(protocol, request.unknown).read(root, http.values)
    elif protocol == "json":
        request.parameters = _json(root, _document(http.data), "", request)
    elif protocol in ("rest-json", "rest-xml"):
        _rest(protocol, root, http, uri, request)
    else:
        request.unchecked.append(("", f"the protocol {protocol} is not read"))
    return request


class _Query:
    """Reads ``A.B.1.C=value`` pairs.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
    """

    def __init__(self, protocol: str, unknown: list[str]) -> None:
        self._ec2 = protocol == "ec2"
        self._unknown = unknown

    def read(self, root: Node, values: Any) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for key, value in values.items():
            if key in NOT_PARAMETERS or key.startswith(("X-Amz-", "Signature")):
                continue
            branch = tree
            for part in key.split("."):
                branch = branch.setdefault(part, {})
            branch[LEAF] = value
        read = self._value(root, tree, "")
        return read if isinstance(read, dict) else {}

    def _value(self, node: Node, tree: dict[str, Any], path: str) -> Any:
        if node.kind == "structure":
            return self._structure(node, tree, path)
        if node.kind == "list":
            return self._list(node, tree, path)
        if node.kind == "map":
            return self._map(node, tree, path)
        self._unknown.extend(f"{path}.{part}" for part in tree if part != LEAF)
        return tree.get(LEAF)

    def _structure(self, node: Node, tree: dict[str, Any], path: str) -> dict[str, Any]:
        read = {}
        for part, branch in tree.items():
            if part == LEAF:
                continue
            where = f"{path}.{part}" if path else part
            name = node.by_query_name(ec2=self._ec2).get(part)
            if name is None:
                self._unknown.append(where)
            else:
                read[name] = self._value(node.members[name], branch, where)
        return read

    def _list(self, node: Node, tree: dict[str, Any], path: str) -> list[Any]:
        if not self._ec2 and not node.flattened:
            name = node.item.query_name or "member"
            self._unknown.extend(f"{path}.{part}" for part in tree if part not in (LEAF, name))
            tree, path = tree.get(name, {}), f"{path}.{name}"
        return [
            self._value(node.item, branch, f"{path}.{part}")
            for part, branch in self._numbered(tree, path)
        ]

    def _map(self, node: Node, tree: dict[str, Any], path: str) -> dict[Any, Any]:
        if not node.flattened:
            self._unknown.extend(f"{path}.{part}" for part in tree if part not in (LEAF, "entry"))
            tree, path = tree.get("entry", {}), f"{path}.entry"
        key_name, value_name = node.key.query_name or "key", node.item.query_name or "value"
        read = {}
        for part, branch in self._numbered(tree, path):
            where = f"{path}.{part}"
            self._unknown.extend(
                f"{where}.{name}" for name in branch if name not in (key_name, value_name)
            )
            key = self._value(node.key, branch.get(key_name, {}), f"{where}.{key_name}")
            value = branch.get(value_name, {})
            read[key] = self._value(node.item, value, f"{where}.{value_name}")
        return read

    def _numbered(self, tree: dict[str, Any], path: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the items in order; the numbers may have gaps."""
        items = [(part, branch) for part, branch in tree.items() if part != LEAF]
        self._unknown.extend(f"{path}.{part}" for part, _ in items if not part.isdecimal())
        return sorted((item for item in items if item[0].isdecimal()), key=lambda i: int(i[0]))


def _document(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError as error:
        raise MalformedRequestError(f"the body is not JSON: {error}") from error


def _json(node: Node, value: Any, path: str, request: Request) -> Any:
    """Return a JSON value by the names in the model. A value of another type stays as it is."""
    if node.kind == "structure" and isinstance(value, dict) and not node.is_document:
        read = {}
        for name, inner in value.items():
            where = f"{path}.{name}" if path else name
            member = node.by_name.get(name)
            if member is None:
                request.unknown.append(where)
            elif inner is not None:
                read[member] = _json(node.members[member], inner, where, request)
        return read
    if node.kind == "list" and isinstance(value, list):
        numbered = enumerate(value, start=1)
        return [_json(node.item, item, f"{path}.{n}", request) for n, item in numbered]
    if node.kind == "map" and isinstance(value, dict):
        items = value.items()
        return {key: _json(node.item, item, f"{path}.{key}", request) for key, item in items}
    return value


def _rest(protocol: str, root: Node, http: Any, uri: dict[str, Any], request: Request) -> None:
    """Read path, query string, headers and body.

    https://smithy.io/2.0/spec/http-bindings.html
    """
    for name, member in root.members.items():
        value = _outside_body(member, name, http, uri)
        if value is not None:
            request.parameters[name] = value
    known = {m.wire_name for m in root.members.values() if m.location == "querystring"}
    request.unknown.extend(key for key in http.args if key not in known | root.fixed_query)
    payload = root.payload
    if payload is not None and root.members[payload].kind in ("blob", "string"):
        if http.data:
            text = root.members[payload].kind == "string"
            request.parameters[payload] = http.data.decode(errors="replace") if text else http.data
    elif protocol == "rest-xml":
        if http.data:
            request.unchecked.append((payload or "", "bodies of XML are not read"))
    elif payload is not None:
        body = _document(http.data)
        request.parameters[payload] = _json(root.members[payload], body, payload, request)
    else:
        body = _json(root, _document(http.data), "", request)
        request.parameters.update(body if isinstance(body, dict) else {})


def _outside_body(member: Node, name: str, http: Any, uri: dict[str, Any]) -> Any:
    """Return the value of a member in the path, query string or headers, ``None`` if absent."""
    if member.location == "uri":
        return uri.get(member.wire_name, uri.get(name))
    if member.location == "querystring" and member.wire_name in http.args:
        values = http.args.getlist(member.wire_name)
        return values if member.kind == "list" else values[0]
    if member.location == "header":
        return http.headers.get(member.wire_name)
    return None
