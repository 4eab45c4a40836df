"""The firewalls' own calls to AWS: with the credentials of their role, and only what it may do.

The calls go over HTTP like everybody's, on worker threads, since nothing in the lab may block while
it holds the world's lock. Whether a role may make a call is decided before it is made, because moto
refuses nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vmseries_lab.aws import iam
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.location import LOCATION
from vmseries_lab.core.world import World

T = TypeVar("T")
WORKERS = 4
_CONFIG = Config(
    connect_timeout=60,
    read_timeout=60,
    retries={"total_max_attempts": 3, "mode": "standard"},
    s3={"addressing_style": "path"},
)


@cache
def _session() -> boto3.Session:
    """Make a session, once: each looks through the models of all services for itself."""
    return boto3.Session(region_name=LOCATION.region)


_making = threading.Lock()
"""Held while a client is made, which sessions do not stand at the same time."""


class AwsCallError(Exception):
    """A firewall's call to AWS failed."""


class AwsCalls:
    """AWS, as firewalls reach it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="firewall-aws")
        self._clients: dict[tuple[str, str, str], Any] = {}

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do ``work`` on a worker thread."""
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._world.wake())
        return future

    def close(self) -> None:
        """Let the workers go."""
        self._pool.shutdown(cancel_futures=True)
        for client in self._clients.values():
            client.close()

    def start(self) -> None:
        """Have workers again, after :meth:`close`."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="firewall-aws")
        self._clients.clear()

    def forget(self, instance_id: str) -> None:
        """Drop the clients of an instance that is gone."""
        with _making:
            for key in [key for key in self._clients if key[0] == instance_id]:
                self._clients.pop(key).close()

    def secret(self, instance_id: str, role_arn: str | None, name: str) -> dict[str, str]:
        """The keys and values of a secret.

        Raises:
            CloudError: if it cannot be had.
        """
        with self._world.lock:
            stored = backend("secretsmanager").secrets.get(name)
        arn = stored.arn if stored else LOCATION.arn("secretsmanager", f"secret:{name}")
        self._require(role_arn, "secretsmanager:GetSecretValue", arn, {})
        client = self._client(instance_id, role_arn, "secretsmanager")
        value = _call(lambda: client.get_secret_value(SecretId=name))["SecretString"]
        try:
            return {key: str(text) for key, text in json.loads(value).items()}
        except (ValueError, AttributeError) as error:
            raise AwsCallError(f"secret {name} holds no keys and values") from error

    def file(self, instance_id: str, role_arn: str | None, bucket: str, key: str) -> str | None:
        """The text of an object in S3, ``None`` if there is no such object.

        Raises:
            CloudError: if it cannot be had.
        """
        self._require(role_arn, "s3:GetObject", f"arn:{LOCATION.partition}:s3:::{bucket}/{key}", {})
        client = self._client(instance_id, role_arn, "s3")
        try:
            return str(client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        except client.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError) as error:
            raise AwsCallError(f"s3://{bucket}/{key}: {error}") from error

    def list_bucket(self, instance_id: str, role_arn: str | None, bucket: str, prefix: str) -> None:
        """List a bucket, or the part of it that PAN-OS is assumed to list.

        Raises:
            AwsCallError: if the role may not, or S3 does not answer.
        """
        listed = prefix if self._world.assumptions["bootstrap-bucket-list"] == "prefix" else ""
        context = {"s3:prefix": listed} if listed else {}
        self._require(role_arn, "s3:ListBucket", f"arn:aws:s3:::{bucket}", context)
        client = self._client(instance_id, role_arn, "s3")
        _call(lambda: client.list_objects_v2(Bucket=bucket, Prefix=listed))

    def put_metrics(
        self, instance_id: str, role_arn: str | None, namespace: str, data: list[dict[str, Any]]
    ) -> None:
        """Publish metrics.

        Raises:
            CloudError: if CloudWatch does not take them.
        """
        context = {"cloudwatch:namespace": namespace}
        self._require(role_arn, "cloudwatch:PutMetricData", "*", context)
        client = self._client(instance_id, role_arn, "cloudwatch")
        _call(lambda: client.put_metric_data(Namespace=namespace, MetricData=data))

    def _require(
        self, role_arn: str | None, action: str, resource: str, context: dict[str, str]
    ) -> None:
        """Check that the role may do ``action``.

        Raises:
            CloudError: as an AccessDenied from AWS.
        """
        with self._world.lock:
            if role_arn is None or not iam.service_may_assume(role_arn, LOCATION.ec2_principal):
                raise AwsCallError(f"AccessDenied: no role to call {action} with")
            role = backend("iam").get_role_by_arn(role_arn)
            documents = iam.documents(role)
        if not iam.allows(documents, action, resource, context=context):
            raise AwsCallError(f"AccessDenied: {role_arn} may not call {action} on {resource}")

    def _client(self, instance_id: str, role_arn: str | None, service: str) -> Any:
        """A client with the credentials that the instance metadata service hands out."""
        key = (instance_id, role_arn or "", service)
        with _making:
            known = self._clients.get(key)
        if known is not None:
            return known
        # Not while making a client: the holder of the world's lock may wait for that.
        credentials = self._credentials(instance_id, role_arn or "")
        with _making:
            client = _session().client(  # type: ignore[call-overload]
                service, endpoint_url=self._world.endpoint or None, config=_CONFIG, **credentials
            )
            return self._clients.setdefault(key, client)

    def _credentials(self, instance_id: str, role_arn: str) -> dict[str, str]:
        """Credentials of the role, in a session that is named after the instance."""
        with self._world.lock:
            session = backend("sts").assume_role(
                region_name=LOCATION.region,
                role_session_name=instance_id,
                role_arn=role_arn,
                policy="",
                duration=3600,
                external_id="",
            )
        return {
            "aws_access_key_id": session.access_key_id,
            "aws_secret_access_key": session.secret_access_key,
            "aws_session_token": session.session_token,
        }


def _call(call: Callable[[], Any]) -> Any:
    """The answer of a call.

    Raises:
        CloudError: for whatever AWS or the way to it says.
    """
    try:
        return call()
    except (ClientError, BotoCoreError) as error:
        raise AwsCallError(str(error)) from error
