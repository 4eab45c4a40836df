"""The settings documents of the three functions."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any
from unittest.mock import patch

from component.fakes import settings as documents

from fuzz.damage import json_tree
from fuzz.targets import ACCEPTED, UnusableResultError
from vmseries_autoscale import settings
from vmseries_autoscale.errors import SettingsError

_TARGET_GROUP = {"arn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/a/b", "port": 443}
_EXAMPLES: tuple[tuple[type[settings.Settings], dict[str, Any]], ...] = (
    (settings.LaunchSettings, documents.launch(tags={"team": "network"})),
    (
        settings.LaunchSettings,
        documents.launch(
            panorama=None, readiness="connected", firewall_api=documents.firewall_api()
        ),
    ),
    (settings.TerminateSettings, documents.terminate(target_groups={"2": [_TARGET_GROUP]})),
    (
        settings.ReconcileSettings,
        documents.reconcile(
            target_groups=[{"arn": "arn", "vpc_id": "vpc-1", "cidr_blocks": ["10.0.2.0/24"]}]
        ),
    ),
)


@dataclass(frozen=True)
class SettingsCase:
    """A document, and the function that reads it."""

    kind: type[settings.Settings]
    document: str


class Settings:
    """The document in the environment variable of a function."""

    name = "settings"
    named_errors: tuple[type[Exception], ...] = (SettingsError,)

    def make(self, rng: Random) -> SettingsCase:
        kind, example = rng.choice(_EXAMPLES)
        other = json.dumps(rng.choice(_EXAMPLES)[1])
        return SettingsCase(kind, json_tree.damaged(rng, json.dumps(example), other))

    def read(self, case: SettingsCase) -> str:
        environment = {**os.environ, settings.VARIABLE: case.document}
        with patch.object(os, "environ", environment):
            # Without its cache, which would keep each document.
            read = settings.from_environment.__wrapped__(case.kind)
        _check_numbers(read)
        return ACCEPTED

    def content(self, case: SettingsCase) -> str:
        return case.document

    def with_content(self, case: SettingsCase, content: str) -> SettingsCase:
        return replace(case, document=content)

    def has_secret(self, case: SettingsCase) -> bool:
        return False

    def is_planted(self, case: SettingsCase) -> bool:
        return '"panorama":' not in case.document.replace(" ", "")


def _check_numbers(value: Any) -> None:
    """Check that every number can be compared, and added to a time."""
    if is_dataclass(value):
        for field in fields(value):
            _check_numbers(getattr(value, field.name))
    elif isinstance(value, int | float):
        try:
            timedelta(seconds=value)
        except (ValueError, OverflowError) as error:
            raise UnusableResultError("a number is accepted, but cannot be seconds") from error
