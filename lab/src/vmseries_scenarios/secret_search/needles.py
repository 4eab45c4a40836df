"""The values that must not be found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vmseries_lab import credit_pool, strata_cloud_manager
from vmseries_lab.client import SECRETS, Lab
from vmseries_lab.firewalls import xml_api
from vmseries_lab.panorama import initial_config
from vmseries_scenarios.secret_search.search import Needle

PUBLIC = {
    "ca_bundle": "certificates",
    "username": "the administrator's name",
    "tsg_id": "the id of the tenant of Strata Cloud Manager",
}
"""Keys of the functions' secrets whose values are not secret, and what they are."""
SECRETS_OF_FUNCTIONS = (
    "panorama",
    "firewall",
    "licensing-api-key",
    "credit-pool",
    "strata-cloud-manager",
)
BOOTSTRAPS = ("bootstrap", "bootstrap-cloud")
BOOTSTRAP_SECRETS = (
    "vm-auth-key",
    "authcodes",
    "vm-series-auto-registration-pin-id",
    "vm-series-auto-registration-pin-value",
)
"""Keys of the bootstrap parameters whose values are secret; the others are names and switches."""
TOKEN = "token of a lifecycle action"  # noqa: S105 - a name
SECRET_KEY = "secret access key of a role session"  # noqa: S105 - a name
SESSION_TOKEN = "session token of a role"  # noqa: S105 - a name
GENERATED_KEY = "generated for a password"
ACCESS_TOKENS = (
    Needle("start of each access token of the credit pool", credit_pool.TOKEN_START),
    Needle("start of each access token of Strata Cloud Manager", strata_cloud_manager.TOKEN_START),
)


@dataclass
class Secrets:
    """The secrets of a lab, with every value that they had.

    Attributes:
        lab: The lab.
        former: Values of earlier versions, and of versions that are not JSON.
    """

    lab: Lab
    former: list[Needle] = field(default_factory=list)

    def put(self, name: str, content: dict[str, str] | str) -> None:
        """Put a new version of a secret; a text is a version that is not valid."""
        self.former += self.values(name)
        text = content if isinstance(content, str) else json.dumps(content)
        if isinstance(content, str):
            self.former.append(Needle(f"{name}: a version that is not JSON", content))
        self.lab.aws.client("secretsmanager").put_secret_value(
            SecretId=f"{SECRETS}/{name}", SecretString=text
        )

    def values(self, name: str) -> Iterator[Needle]:
        """Yield the secret values of the current version."""
        try:
            content = self.lab.aws.secret(name)
        except ValueError:
            return
        for key, value in content.items():
            if key in BOOTSTRAP_SECRETS if name in BOOTSTRAPS else key not in PUBLIC:
                yield Needle(f"{name}: {key}", value)

    def all_values(self) -> list[Needle]:
        """Return every value that any secret has or had."""
        names = (*SECRETS_OF_FUNCTIONS, *BOOTSTRAPS)
        return self.former + [value for name in names for value in self.values(name)]


def collect(secrets: Secrets) -> list[Needle]:
    """Return every value that must not be found, each once."""
    lab = secrets.lab
    needles = [
        *secrets.all_values(),
        Needle(GENERATED_KEY, initial_config.AUTOSCALE.key),
        Needle(GENERATED_KEY, xml_api.ADMIN.key),
        *ACCESS_TOKENS,
        *(Needle(TOKEN, token) for token in tokens(lab.calls())),
    ]
    for session in lab.credentials():
        needles.append(Needle(SECRET_KEY, session["secret_access_key"]))
        needles.append(Needle(SESSION_TOKEN, session["session_token"]))
    kinds: dict[str, list[str]] = {}
    for needle in needles:
        kinds.setdefault(needle.value, []).append(needle.kind)
    return [Needle(" = ".join(dict.fromkeys(kind)), value) for value, kind in kinds.items()]


def tokens(calls: list[dict[str, Any]]) -> set[str]:
    """Return the tokens of lifecycle actions that the functions sent to Auto Scaling."""
    found = {call["parameters"].get("LifecycleActionToken", "") for call in calls}
    return found - {""}
