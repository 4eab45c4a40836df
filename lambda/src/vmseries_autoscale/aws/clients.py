"""AWS clients. No other module creates clients."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3.session
from botocore.config import Config
from botocore.exceptions import ClientError

from vmseries_autoscale.redaction import redact

if TYPE_CHECKING:
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
    user_agent_extra="terraform-aws-vmseries-autoscale",
)
"""At most three attempts per call. After that, the visit ends and its message is retried later. A
longer wait here would delay the other instances of the batch."""

CONFIG_WITHOUT_RETRIES = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
"""For calls that are not idempotent: AllocateAddress and SendMessage. If the response of such a
call is lost, a second attempt would have a second effect."""


@cache
def _session() -> boto3.session.Session:
    # All clients share one session, because each session loads the endpoints of all AWS Regions.
    return boto3.session.Session()


@cache
def _client(service: str, config: Config = CONFIG) -> Any:
    session: Any = _session()  # The type stubs accept only literal service names.
    return session.client(service, config=config)


def dynamodb() -> DynamoDBClient:
    """Return the client for Amazon DynamoDB."""
    return cast("DynamoDBClient", _client("dynamodb"))


def ec2() -> EC2Client:
    """Return the client for Amazon EC2."""
    return cast("EC2Client", _client("ec2"))


def ec2_once() -> EC2Client:
    """Return the client for Amazon EC2 that attempts each call only once."""
    return cast("EC2Client", _client("ec2", CONFIG_WITHOUT_RETRIES))


def autoscaling() -> AutoScalingClient:
    """Return the client for Amazon EC2 Auto Scaling."""
    return cast("AutoScalingClient", _client("autoscaling"))


def elbv2() -> ElasticLoadBalancingv2Client:
    """Return the client for Application, Network and Gateway Load Balancers."""
    return cast("ElasticLoadBalancingv2Client", _client("elbv2"))


def s3() -> S3Client:
    """Return the client for Amazon S3."""
    return cast("S3Client", _client("s3"))


def sqs() -> SQSClient:
    """Return the client for Amazon SQS."""
    return cast("SQSClient", _client("sqs"))


def sqs_once() -> SQSClient:
    """Return the client for Amazon SQS that attempts each call only once."""
    return cast("SQSClient", _client("sqs", CONFIG_WITHOUT_RETRIES))


def secrets() -> SecretsManagerClient:
    """Return the client for AWS Secrets Manager."""
    return cast("SecretsManagerClient", _client("secretsmanager"))


def without_secret(error: ClientError, secret: str | None) -> ClientError:
    """Return an AWS error without a value that AWS's message may quote from the request."""
    response, facts = error.response, error.response.get("Error", {})
    message = redact(facts.get("Message", ""), [secret])
    return ClientError({**response, "Error": {**facts, "Message": message}}, error.operation_name)
