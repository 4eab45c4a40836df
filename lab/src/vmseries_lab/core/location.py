"""Where a lab is: the Region that its process serves, with that Region's partition, and an account.

A process serves one Region, as a boto3 client or a Terraform provider calls one. The environment
chooses it, as for every AWS tool: ``AWS_REGION``, otherwise ``AWS_DEFAULT_REGION``.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import UnknownRegionError
from botocore.session import get_session

ACCOUNT_ID = "123456789012"
DEFAULT_REGION = "us-east-1"

GLOBAL_SERVICES_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
}
"""The Region for which calls to a partition's global services, such as IAM, are signed.

https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints
"""


DNS_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
"""The domain of the endpoints of each partition.

https://docs.aws.amazon.com/general/latest/gr/rande.html
https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-arns.html
"""


@dataclass(frozen=True, slots=True)
class Location:
    """A Region and its partition.

    Attributes:
        region: name of the Region, such as ``us-gov-west-1``.
        partition: name of its partition, such as ``aws-us-gov``.
    """

    region: str
    partition: str

    @classmethod
    def of(cls, region: str) -> Location:
        """Return the location that a Region is in.

        Raises:
            ValueError: if the lab does not simulate this Region.
        """
        session = get_session()
        try:
            partition = session.get_partition_for_region(region)
        except UnknownRegionError:
            partition = ""
        if partition not in GLOBAL_SERVICES_REGIONS:
            names = ", ".join(GLOBAL_SERVICES_REGIONS)
            raise ValueError(
                f"AWS_REGION is {region!r}, which is no Region of a partition that the lab "
                f"simulates ({names})"
            )
        return cls(region, partition)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Location:
        """Return the location that environment variables choose.

        Raises:
            ValueError: as for :meth:`of`.
        """
        chosen = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        return cls.of(chosen or DEFAULT_REGION)

    @property
    def global_services_region(self) -> str:
        """The Region for which calls to the partition's global services are signed."""
        return GLOBAL_SERVICES_REGIONS[self.partition]

    @property
    def ec2_principal(self) -> str:
        """The service principal of EC2, which assumes the roles of instances.

        https://docs.amazonaws.cn/en_us/aws/latest/userguide/iam.html
        """
        return f"ec2.{DNS_SUFFIXES[self.partition]}"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this Region and the lab's account."""
        return f"arn:{self.partition}:{service}:{self.region}:{ACCOUNT_ID}:{resource}"

    def global_arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of a global service in the lab's account."""
        return f"arn:{self.partition}:{service}::{ACCOUNT_ID}:{resource}"


LOCATION = Location.from_environment(os.environ)
"""Where this process's lab is."""
