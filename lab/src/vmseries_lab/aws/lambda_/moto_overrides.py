"""Overrides of moto's Lambda: functions run, all settings are stored, limits apply."""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction

from vmseries_lab.aws import iam
from vmseries_lab.aws.lambda_ import role_calls
from vmseries_lab.aws.lambda_.configuration import NO_ROLE, SERVICE, log_group, logging_config
from vmseries_lab.aws.lambda_.package_contents import UNZIPPED_LIMIT_BYTES, unzipped_size
from vmseries_lab.aws.lambda_.service import Functions
from vmseries_lab.aws.moto_patching import wrap
from vmseries_lab.aws.requests import RequestPipeline
from vmseries_lab.core.world import World

KEPT_SETTINGS = ("DeadLetterConfig", "LoggingConfig")
"""Settings of a function that moto drops."""


def _init(
    original: Any, function: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any
) -> None:
    function.lab_settings = {k: spec[k] for k in KEPT_SETTINGS if spec.get(k)}
    original(function, account_id, spec, *args, **kwargs)


def _configuration(original: Any, function: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Add the settings that moto drops to the configuration, so that a second plan is empty."""
    configuration: dict[str, Any] = original(function, *args, **kwargs)
    logging = {
        "LogFormat": "Text",
        "LogGroup": log_group(function),
        **logging_config(function),
    }
    if logging["LogFormat"] == "JSON":
        logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}
    configuration["LoggingConfig"] = logging
    if function.lab_settings.get("DeadLetterConfig"):
        configuration["DeadLetterConfig"] = function.lab_settings["DeadLetterConfig"]
    return configuration


def _update(original: Any, function: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """UpdateFunctionConfiguration, with the settings that moto ignores."""
    function.lab_settings |= {k: changes[k] for k in KEPT_SETTINGS if k in changes}
    if changes.get("TracingConfig"):
        function.tracing_config = changes["TracingConfig"]
    if changes.get("EphemeralStorage"):
        function.ephemeral_storage = changes["EphemeralStorage"]["Size"]
    if "KMSKeyArn" in changes:
        function.kms_key_arn = changes["KMSKeyArn"]
    original(function, changes)
    configuration: dict[str, Any] = function.get_configuration()
    return configuration


def _update_code(original: Any, function: Any, spec: dict[str, Any]) -> dict[str, Any]:
    """UpdateFunctionCode, with the architecture."""
    if spec.get("Architectures"):
        function.architectures = spec["Architectures"]
    configuration: dict[str, Any] = original(function, spec)
    return configuration


def _create(original: Any, backend: Any, spec: dict[str, Any]) -> Any:
    """CreateFunction: rejects a role that Lambda cannot assume, and packages that are too large."""
    if not iam.service_may_assume(spec["Role"], SERVICE):
        raise InvalidParameterValueException(NO_ROLE)
    function = original(backend, spec)
    layers = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
    archives = [function.code_bytes, *(layer.code_bytes for layer in layers)]
    if sum(unzipped_size(archive) for archive in archives) > UNZIPPED_LIMIT_BYTES:
        backend.delete_function(function.function_name)
        raise InvalidParameterValueException(
            f"Unzipped size must be smaller than {UNZIPPED_LIMIT_BYTES} bytes"
        )
    return function


def install(world: World, pipeline: RequestPipeline) -> Functions:
    """Let moto's Lambda run uploaded functions."""
    functions = Functions(world, pipeline.calls)

    def invoke(
        _original: Any, function: Any, body: Any, headers: Any, response_headers: Any
    ) -> bytes:
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        return functions.answer_invoke(function, body or "{}", kind, response_headers)

    def publish_layer(original: Any, backend: Any, spec: dict[str, Any]) -> Any:
        version = original(backend, spec)
        functions.uploads.keep_layer(version)
        return version

    def create(original: Any, backend: Any, spec: dict[str, Any]) -> Any:
        role_calls.join_vpc(pipeline.calls, spec)
        return _create(original, backend, spec)

    def delete(original: Any, backend: Any, name: str, qualifier: str | None = None) -> None:
        original(backend, name, qualifier)
        functions.workers.forget(
            name.rsplit(":function:", maxsplit=1)[-1].split(":", maxsplit=1)[0]
        )

    wrap(LambdaBackend, "publish_layer_version", publish_layer)
    wrap(LambdaBackend, "delete_function", delete)
    wrap(LambdaFunction, "__init__", _init)
    wrap(LambdaFunction, "get_configuration", _configuration)
    wrap(LambdaFunction, "update_configuration", _update)
    wrap(LambdaFunction, "update_function_code", _update_code)
    wrap(LambdaFunction, "invoke", invoke)
    wrap(LambdaBackend, "create_function", create)
    pipeline.crash = functions.workers.crash
    pipeline.caller = functions.workers.caller
    pipeline.cut_off = functions.workers.cut_off
    world.engines.append(functions)
    return functions
