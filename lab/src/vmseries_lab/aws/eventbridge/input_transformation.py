"""The input of a target: the event, a constant, a part of the event, or a filled-in template.

Source: EventBridge User Guide, "Amazon EventBridge input transformation".
"""

from __future__ import annotations

import json
import re
from typing import Any


def target_input(target: dict[str, Any], event: dict[str, Any], rule_name: str) -> str:
    """Return what the target receives, as text."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at_path(event, target["InputPath"]))
    if "InputTransformer" in target:
        return _transform(target["InputTransformer"], event, rule_name)
    return json.dumps(event)


def _at_path(event: dict[str, Any], path: str) -> Any:
    """Return the value at a JSON path, ``None`` if there is none.

    EventBridge allows only names and indexes in paths.
    """
    node: Any = event
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path.removeprefix("$")):
        try:
            node = node[int(index)] if index else node[name]
        except (LookupError, TypeError):
            return None
    return node


def _transform(transformer: dict[str, Any], event: dict[str, Any], rule_name: str) -> str:
    """Fill in an input template.

    A variable inside quotes is replaced by text, a variable outside quotes by a JSON value
    ("EventBridge removes the need for quotes").
    """
    values = {k: _at_path(event, p) for k, p in transformer.get("InputPathsMap", {}).items()}
    values |= {
        "aws.events.rule-name": rule_name,
        "aws.events.event": {k: v for k, v in event.items() if k != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event["time"],
    }
    template = transformer["InputTemplate"]
    structured = template.lstrip()[:1] in ("{", "[")
    out, quoted = [], False
    for part in re.split(r"(<[\w.-]+>|\\\\.|\")", template):
        if part == '"':
            quoted = not quoted
        name = part[1:-1]
        if part.startswith("<") and name in values:
            out.append(_filled(values[name], as_json=structured and not quoted))
        else:
            out.append(part)
    return "".join(out)


def _filled(value: Any, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(value)
    return value if isinstance(value, str) else ("" if value is None else json.dumps(value))
