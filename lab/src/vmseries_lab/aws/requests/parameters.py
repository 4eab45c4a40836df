"""The parameters of a call, under the API's own names."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.model import OperationNotFoundError, Shape
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model


def parameters_of(response: Any, service: str, action: str) -> dict[str, Any]:
    """Return the parameters of a call under the API's own names.

    They are parsed with botocore's model of the service, because the names in moto's parsed form
    differ between services. Secret values are ``***``. A malformed request has no parameters.
    """
    request = response.normalized_request
    try:
        model = get_service_model(service)
        operation = model.operation_model(action)
        protocol = determine_request_protocol(model, request.content_type)
        parsed = PROTOCOL_PARSERS[protocol](operation, map_type=dict).parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": response.uri_match,
            }
        )
    except (OperationNotFoundError, ParamValidationError, LookupError, TypeError, ValueError):
        # If the request is malformed, moto returns the error.
        return {}
    shown = _shown(parsed, operation.input_shape)
    return shown if isinstance(shown, dict) else {}


def _shown(value: Any, shape: Shape | None) -> Any:
    """Return ``value`` as JSON-ready data, without secrets (as botocore marks them) and bytes."""
    if shape is not None and shape.metadata.get("sensitive"):
        return "***"
    if isinstance(value, dict):
        members = getattr(shape, "members", {})
        inner = getattr(shape, "value", None)
        return {str(k): _shown(v, members.get(k, inner)) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_shown(item, getattr(shape, "member", None)) for item in value]
    if shape is not None and shape.type_name == "blob":
        return f"<{len(value)} bytes>"
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool)) else str(value)
