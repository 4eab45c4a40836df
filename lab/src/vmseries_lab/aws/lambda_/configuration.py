"""Functions and their configuration in moto's store.

``moto_overrides`` keeps the settings that moto drops in the function's ``lab_settings``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from vmseries_lab.aws.moto_patching import backend

SERVICE = "lambda.amazonaws.com"
"""Service principal that assumes a function's role."""
NO_ROLE = "The role defined for the function cannot be assumed by Lambda."


def find_function(name_or_arn: str) -> Any:
    """Return the function with this name or ARN, ``None`` if there is none."""
    try:
        return backend("lambda").get_function(name_or_arn)
    except UnknownFunctionException:
        return None


def configuration_key(function: Any) -> str:
    """Return a digest of code and configuration; environments are reused only for equal digests."""
    facts = {**function.get_configuration(), "LastModified": "", "Layers": function.layers}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def logging_config(function: Any) -> dict[str, Any]:
    """Return the function's logging configuration, with the values that were set."""
    config: dict[str, Any] = function.lab_settings.get("LoggingConfig", {})
    return config


def log_group(function: Any) -> str:
    """Return the log group of the function."""
    configured = logging_config(function).get("LogGroup")
    return str(configured or f"/aws/lambda/{function.function_name}")


def invoke_config(function: Any) -> dict[str, Any]:
    """Return the function's asynchronous invocation settings, with the values that were set."""
    config: dict[str, Any]
    config = function.event_invoke_config[0].config if function.event_invoke_config else {}
    return config
