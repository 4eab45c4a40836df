"""Error responses of the lab itself, and the error codes of responses."""

from __future__ import annotations

import json
import re
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult

THROTTLING = {
    # Error code and HTTP status of each service, from its API reference ("Common Errors").
    "dynamodb": ("ThrottlingException", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "elbv2": ("ThrottlingException", 400),
    "lambda": ("TooManyRequestsException", 429),
    "secretsmanager": ("ThrottlingException", 400),
    "sqs": ("ThrottlingException", 400),
}


class LabServiceError(ServiceException):  # type: ignore[misc]
    """An error that the lab returns; moto uses the module of the class to find its service."""


def error_response(response: Any, code: str, message: str, status: int) -> Any:
    """Return an error response in the protocol of the call."""
    _, headers, body = response.serialized(ActionResult(LabServiceError(code, message)))
    headers["status"] = str(status)
    return status, headers, body


def throttled(response: Any, service: str) -> Any:
    """Return the service's response to a throttled call."""
    code, status = THROTTLING.get(service, ("Throttling", 400))
    return error_response(response, code, "Rate exceeded", status)


def error_code(response: Any) -> str:
    """Return the error code of a response in any protocol, empty if it succeeded."""
    status, headers, body = response
    if int(status) < 400:
        return ""
    named = {name.lower(): value for name, value in headers.items()}.get("x-amzn-errortype")
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    if not named and (match := re.search(r"<Code>([^<]+)</Code>", text)):
        named = match.group(1)
    if not named:
        try:
            named = json.loads(text).get("__type")
        except (ValueError, AttributeError):
            named = None
    return str(named or status).split("#")[-1].split(":")[0]
