"""Reads bootstrap parameters from the user data and from the secret or bucket that it names."""

from __future__ import annotations

from vmseries_lab.firewalls.aws_calls import AwsCalls
from vmseries_lab.firewalls.bootstrap_parameters import BootstrapParameters, parse


def read(
    cloud: AwsCalls, instance_id: str, role_arn: str | None, user_data: str
) -> BootstrapParameters:
    """Return the bootstrap parameters; those in the user data override the others.

    Args:
        cloud: calls of firewalls to AWS.
        instance_id: ID of the firewall's instance.
        role_arn: role in its instance profile.
        user_data: user data of the instance.

    Raises:
        AwsCallError: if the secret or the bootstrap package cannot be read.
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


def _package(
    cloud: AwsCalls, instance_id: str, role_arn: str | None, location: str
) -> dict[str, str]:
    """Read ``config/init-cfg.txt`` and ``license/authcodes`` of a bootstrap package.

    Palo Alto Networks, VM-Series Deployment Guide: "Bootstrap Package", and "Bootstrap the
    VM-Series Firewall on AWS", whose policy allows ``s3:ListBucket`` without a condition.
    """
    bucket, _, folder = location.partition("/")
    prefix = f"{folder.strip('/')}/" if folder else ""
    cloud.list_bucket(instance_id, role_arn, bucket, prefix)
    init = cloud.file(instance_id, role_arn, bucket, f"{prefix}config/init-cfg.txt")
    codes = cloud.file(instance_id, role_arn, bucket, f"{prefix}license/authcodes")
    parameters = parse(init or "")
    if codes:
        parameters["authcodes"] = codes.strip()
    return parameters
