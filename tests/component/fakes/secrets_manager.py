"""AWS Secrets Manager and the bootstrap bucket in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from component.fakes.base import Base, client_error

PANORAMA_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama"
LICENSING_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing"
STRATA_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:strata"
PANORAMA_KEY = "panorama-key-of-the-test"
LICENSING_KEY = "licensing-key-of-the-test"


@dataclass
class SecretsManager(Base):
    """The values of secrets, by ARN.

    Attributes:
        versions: Versions of the secrets, as ListSecretVersionIds shows them, by ARN.
        objects: When the objects of the bootstrap bucket were written, by key.
        objects_per_page: Number of objects on a page.
    """

    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    objects: dict[str, datetime] = field(default_factory=dict)
    objects_per_page: int = 1000

    secrets: dict[str, str] = field(
        default_factory=lambda: {
            PANORAMA_SECRET: f'{{"api_key": "{PANORAMA_KEY}", "username": "autoscale"}}',
            LICENSING_SECRET: f'{{"api_key": "{LICENSING_KEY}"}}',
        }
    )

    def get_secret_value(self, parameters: dict[str, Any]) -> Any:
        if parameters["SecretId"] not in self.secrets:
            raise client_error("ResourceNotFoundException")
        return {"SecretString": self.secrets[parameters["SecretId"]]}

    def list_secret_version_ids(self, parameters: dict[str, Any]) -> Any:
        if parameters["SecretId"] not in self.versions:
            raise client_error("ResourceNotFoundException", "ListSecretVersionIds")
        return {"Versions": self.versions[parameters["SecretId"]]}

    def list_objects_v2(self, parameters: dict[str, Any]) -> Any:
        prefix, start = parameters.get("Prefix", ""), int(parameters.get("ContinuationToken", 0))
        found = [
            {"Key": key, "LastModified": time}
            for key, time in sorted(self.objects.items())
            if key.startswith(prefix)
        ]
        end = start + self.objects_per_page
        more = {"NextContinuationToken": str(end)} if end < len(found) else {}
        return {"Contents": found[start:end], "IsTruncated": bool(more)} | more
