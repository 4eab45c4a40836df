"""The errors that the lab itself answers with, and those that it finds in answers."""

from __future__ import annotations

import json
import re
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

THROTTLING = {
    # Which code a service answers with, by its API reference ("Common Errors").
    "ec2": ("RequestLimitExceeded", 503),
    "elbv2": ("ThrottlingException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "secretsmanager": ("ThrottlingException", 400),
    "sqs": ("ThrottlingException", 400),
}


class AnsweredError(ServiceException):  # type: ignore[misc]
    """An error that the lab answers with; a class of its own, since moto goes by the module."""


def error_answer(response: Any, code: str, message: str, status: int) -> Any:
    """The answer with this error, in the protocol of the call."""
    _, headers, body = response.serialized(ActionResult(AnsweredError(code, message)))
    headers["status"] = str(status)
    return status, headers, body


def throttled(response: Any, service: str) -> Any:
    """The answer to a call that comes too soon after others."""
    code, status = THROTTLING.get(service, ("Throttling", 400))
    return error_answer(response, code, "Rate exceeded", status)


def error_code(answer: Any) -> str:
    """Read the error code from an answer of any of the protocols."""
    status, headers, body = answer
    if int(status) < 400:
        return ""
    named = {name.lower(): value for name, value in headers.items()}.get("x-amzn-errortype")
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    if not named and (found := re.search(r"<Code>([^<]+)</Code>", text)):
        named = found.group(1)
    if not named:
        try:
            named = json.loads(text).get("__type")
        except (ValueError, AttributeError):
            named = None
    return str(named or status).split("#")[-1].split(":")[0]
