"""The only place that makes AWS clients, and what their errors mean."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
    user_agent_extra="terraform-aws-vmseries-autoscale",
)
"""Three tries within a call, then the visit comes back later: one that waited here for its turn
would hold up others, which may be waiting for nothing."""

ONCE = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
"""For a call that does twice as much when it is made twice."""


@cache
def _session() -> botocore.session.Session:
    # The same clients as boto3's, without loading what boto3 is for. One session, since each reads
    # the endpoints of all of AWS anew.
    return botocore.session.get_session()


@cache
def _client(service: str, config: Config = CONFIG) -> Any:
    return _session().create_client(service, config=config)


def ec2() -> EC2Client:
    """EC2."""
    return cast("EC2Client", _client("ec2"))


def autoscaling() -> AutoScalingClient:
    """EC2 Auto Scaling."""
    return cast("AutoScalingClient", _client("autoscaling"))


def elbv2() -> ElasticLoadBalancingv2Client:
    """Elastic Load Balancing: Application, Network and Gateway Load Balancers."""
    return cast("ElasticLoadBalancingv2Client", _client("elbv2"))


def sqs() -> SQSClient:
    """Simple Queue Service."""
    return cast("SQSClient", _client("sqs"))


def sqs_once() -> SQSClient:
    """The same, with each call tried once."""
    return cast("SQSClient", _client("sqs", ONCE))


def secrets() -> SecretsManagerClient:
    """Secrets Manager."""
    return cast("SecretsManagerClient", _client("secretsmanager"))


def error_code(error: ClientError) -> str:
    """The code by which AWS names an error, e.g. ``InvalidSubnetID.NotFound``."""
    return error.response.get("Error", {}).get("Code", "")
