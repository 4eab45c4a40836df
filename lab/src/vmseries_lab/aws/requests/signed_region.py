"""Refuses calls that are signed for a Region that the lab does not simulate.

The Region is part of the credential scope in the ``Authorization`` header.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from vmseries_lab.aws.moto_patching import is_global
from vmseries_lab.core.location import LOCATION

CODE = "WrongRegion"
STATUS = 400
"""Neither the SDKs nor the Terraform provider repeat a call after this code and status."""

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/")


def signed_region(headers: Mapping[str, str]) -> str | None:
    """Return the Region that a call is signed for, ``None`` if it is not signed."""
    match = _SCOPE.search(headers.get("authorization", ""))
    return match.group(1) if match else None


def wrong_region(service: str, headers: Mapping[str, str]) -> str | None:
    """Return why the lab refuses a call, ``None`` if it is signed for the lab's Region.

    Calls to a global service may be signed for the Region of the partition's global services.

    Args:
        service: name of the service in boto3.
        headers: headers of the request, by name in lower case.
    """
    region = signed_region(headers)
    served = {LOCATION.region}
    if is_global(service):
        served.add(LOCATION.global_services_region)
    if region is None or region in served:
        return None
    return (
        f"This lab simulates the Region {LOCATION.region}, and the call is signed for {region}. "
        f"To use {region}, start the lab with the environment variable AWS_REGION={region}."
    )
