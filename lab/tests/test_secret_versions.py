"""Versions of secrets, as ListSecretVersionIds shows them.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vmseries_lab.client import Lab

pytestmark = pytest.mark.lab


def test_each_version_keeps_its_creation_time_and_deprecated_ones_are_not_listed(lab: Lab) -> None:
    secrets = lab.aws.client("secretsmanager")
    arn = secrets.create_secret(Name="versions", SecretString="1")["ARN"]
    created = []
    for value in ("2", "3"):
        lab.advance(3600)
        created.append(datetime.fromtimestamp(lab.now(), UTC))
        secrets.put_secret_value(SecretId=arn, SecretString=value)
    lab.advance(3600)
    versions = {
        label: version["CreatedDate"]
        for version in secrets.list_secret_version_ids(SecretId=arn)["Versions"]
        for label in version["VersionStages"]
    }
    assert versions.keys() == {"AWSCURRENT", "AWSPREVIOUS"}, "the first version has no label"
    for label, time in zip(("AWSPREVIOUS", "AWSCURRENT"), created, strict=True):
        assert abs((versions[label] - time).total_seconds()) < 60
