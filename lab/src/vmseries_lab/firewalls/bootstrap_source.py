"""How a firewall comes by its bootstrap parameters: user data, then what that refers to."""

from __future__ import annotations

from vmseries_lab.firewalls.aws_calls import Cloud
from vmseries_lab.firewalls.bootstrap_parameters import Bootstrap, parse


def read(cloud: Cloud, instance_id: str, role_arn: str | None, user_data: str) -> Bootstrap:
    """The bootstrap parameters behind some user data.

    Raises:
        CloudError: if the secret or bucket that the user data names cannot be read.
    """
    parameters = parse(user_data)
    first = Bootstrap(parameters)
    if first.secret is not None:
        found = cloud.secret(instance_id, role_arn, first.secret)
        return Bootstrap({**found, **parameters})
    if first.bucket is not None:
        return Bootstrap({**_package(cloud, instance_id, role_arn, first.bucket), **parameters})
    return first


def _package(cloud: Cloud, instance_id: str, role_arn: str | None, place: str) -> dict[str, str]:
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
