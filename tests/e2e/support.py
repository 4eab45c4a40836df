"""Helpers of the tests of small deployments."""

from __future__ import annotations

import json
from collections.abc import Callable

from vmseries_scenarios.deployment import MINUTE, Deployment

QUICK_BOOT = {"license": 160.0, "register": 165.0, "content": 170.0}
"""For ``Lab.boot_times``, in tests that do not judge the boot."""
SECRET = "vmseries-autoscale/panorama"
CACHE_SECONDS = 6 * MINUTE
"""A warm function keeps a secret for five minutes."""


def change_secret(deployment: Deployment, **changes: str) -> Callable[[], None]:
    """Change keys of Panorama's secret; return a function that restores it."""
    secrets = deployment.lab.aws.client("secretsmanager")
    before = secrets.get_secret_value(SecretId=SECRET)["SecretString"]
    after = json.dumps({**json.loads(before), **changes})
    secrets.put_secret_value(SecretId=SECRET, SecretString=after)
    deployment.lab.advance(CACHE_SECONDS)

    def restore() -> None:
        secrets.put_secret_value(SecretId=SECRET, SecretString=before)
        deployment.lab.advance(CACHE_SECONDS)

    return restore
