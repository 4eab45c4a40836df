"""Environment variables of functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vmseries_lab.aws.lambda_.configuration import log_group, logging_config
from vmseries_lab.core.location import LOCATION


def loading_environment(function: Any) -> dict[str, str]:
    """Return the variables that are needed to load a function, equal in all its environments."""
    return {
        **{str(k): str(v) for k, v in function.environment_vars.items()},
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_REGION": LOCATION.region,
    }


def running_environment(
    function: Any, session: Any, stream: str, task_root: Path, endpoint: str
) -> dict[str, str]:
    """Return all variables of an execution environment ("Defined runtime environment variables").

    Args:
        function: moto's function.
        session: credentials of its role.
        stream: log stream.
        task_root: folder of the unpacked function.
        endpoint: base URL of the simulated AWS.
    """
    environment = {
        **loading_environment(function),
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "AWS_DEFAULT_REGION": LOCATION.region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(function),
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": str(task_root),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
        # Lambda does not set HOME. A folder that does not exist hides this machine's AWS
        # configuration from the function.
        "HOME": "/home/sbx_user1051",
        # The only variable that does not exist in Lambda.
        "AWS_ENDPOINT_URL": endpoint,
    }
    logging = logging_config(function)
    if logging.get("LogFormat") == "JSON":
        environment["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        environment["AWS_LAMBDA_LOG_LEVEL"] = logging.get("ApplicationLogLevel") or "INFO"
    return environment
