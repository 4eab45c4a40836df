"""Versions of secrets, with the time at which each was created.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.secretsmanager import models
from moto.secretsmanager.models import SecretsManagerBackend

from vmseries_lab.aws.moto_patching import replace, wrap
from vmseries_lab.core.world import World


class _Clock:
    """What moto's module uses of Python's module ``time``, in lab time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def time(self) -> float:
        return self._world.clock.utc().timestamp()


def install(world: World) -> None:
    """Give versions their creation times, and list them as Secrets Manager does."""
    replace(models, "time", lambda _original: _Clock(world))
    wrap(SecretsManagerBackend, "list_secret_version_ids", _list)


def _list(_original: Any, store: Any, secret_id: str) -> str:
    """ListSecretVersionIds: without versions that have no staging label.

    The parameter ``IncludeDeprecated`` is not simulated. The response has ``LastAccessedDate`` only
    for versions that were read, and at most twenty versions can have a label.
    """
    secret = store.secrets[secret_id]
    versions = [
        {
            "CreatedDate": version["createdate"],
            "VersionId": version_id,
            "VersionStages": version["version_stages"],
        }
        for version_id, version in secret.versions.items()
        if version["version_stages"]
    ]
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "Versions": versions})
