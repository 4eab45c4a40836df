"""A function and its configuration, as moto stores them.

What moto forgets is kept in the function's ``lab_settings``, by ``patches``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends

from vmseries_lab.core.world import ACCOUNT_ID, REGION

SERVICE = "lambda.amazonaws.com"
"""Who assumes a function's role."""
NO_ROLE = "The role defined for the function cannot be assumed by Lambda."


def find_function(name_or_arn: str) -> Any:
    """The function, or ``None`` if there is none."""
    try:
        return lambda_backends[ACCOUNT_ID][REGION].get_function(name_or_arn)
    except UnknownFunctionException:
        return None


def configuration_key(function: Any) -> str:
    """Tells apart what cannot share a warm worker: any other code or configuration."""
    facts = {**function.get_configuration(), "LastModified": "", "Layers": function.layers}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def logging_config(function: Any) -> dict[str, Any]:
    """How the function logs, as far as it was said."""
    config: dict[str, Any] = function.lab_settings.get("LoggingConfig", {})
    return config


def log_group(function: Any) -> str:
    """The log group that the function writes to."""
    configured = logging_config(function).get("LogGroup")
    return str(configured or f"/aws/lambda/{function.function_name}")


def invoke_config(function: Any) -> dict[str, Any]:
    """How asynchronous invocations of the function are to be handled, as far as it was said."""
    config: dict[str, Any]
    config = function.event_invoke_config[0].config if function.event_invoke_config else {}
    return config
