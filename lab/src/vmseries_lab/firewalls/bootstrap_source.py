"""Reads bootstrap parameters: the user data, then what it refers to."""

from __future__ import annotations

from vmseries_lab.firewalls.aws_calls import AwsCalls
from vmseries_lab.firewalls.bootstrap_parameters import BootstrapParameters, parse


def read(
    cloud: AwsCalls, instance_id: str, role_arn: str | None, user_data: str
) -> BootstrapParameters:
    """The bootstrap parameters behind some user data.

    Raises:
        CloudError: if the secret or bucket that the user data names cannot be read.
    """
    parameters = parse(user_data)
    first = BootstrapParameters(parameters)
    if first.secret is not None:
        stored = cloud.secret(instance_id, role_arn, first.secret)
        return BootstrapParameters({**stored, **parameters})
    if first.bucket is not None:
        return BootstrapParameters(
            {**_package(cloud, instance_id, role_arn, first.bucket), **parameters}
        )
    return first


def _package(cloud: AwsCalls, instance_id: str, role_arn: str | None, place: str) -> dict[str, str]:
    """``config/init-cfg.txt`` and ``license/authcodes`` of a bootstrap package.

    Palo Alto Networks, VM-Series Deployment Guide: "Bootstrap Package".
    """
    bucket, _, folder = place.partition("/")
    prefix = f"{folder.strip('/')}/" if folder else ""
    init = cloud.file(instance_id, role_arn, bucket, f"{prefix}config/init-cfg.txt")
    codes = cloud.file(instance_id, role_arn, bucket, f"{prefix}license/authcodes")
    parameters = parse(init or "")
    if codes:
        parameters["authcodes"] = codes.strip()
    return parameters
