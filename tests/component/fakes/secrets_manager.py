"""AWS Secrets Manager in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from component.fakes.base import Base, client_error

PANORAMA_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:panorama"
LICENSING_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:licensing"
PANORAMA_KEY = "panorama-key-of-the-test"
LICENSING_KEY = "licensing-key-of-the-test"


@dataclass
class SecretsManager(Base):
    """The values of secrets, by ARN."""

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
