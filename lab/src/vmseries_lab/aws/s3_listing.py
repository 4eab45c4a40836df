"""Lists of the objects of a bucket, with the permissions of the role that asks.

Moto serves S3 outside of the calls that the pipeline sees. This is the only action of S3 that a
function calls.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.responses import S3Response

from vmseries_lab.aws.moto_patching import wrap
from vmseries_lab.aws.requests.pipeline import RequestPipeline
from vmseries_lab.aws.requests.request_log import role_of


def install(pipeline: RequestPipeline) -> None:
    """Record and authorize the lists that roles ask for. Other callers are administrators."""

    def list_objects(original: Any, response: Any) -> Any:
        role = role_of(response.access_key)
        session = pipeline.authorizer.session(response.access_key)
        if not role or session is None:
            return original(response)
        parameters = {"Bucket": response.bucket_name}
        if prefix := response.querystring.get("prefix"):
            parameters["Prefix"] = prefix[0]
        call = pipeline.calls.add(
            "s3", "ListObjectsV2", parameters, access_key=response.access_key, role=role
        )
        call.authorization = pipeline.authorizer.requests(
            session, "s3", "ListObjectsV2", parameters
        )
        if pipeline.authorizer.rejection(session, "s3", call.authorization) is not None:
            call.status, call.error = 403, "AccessDenied"
            raise S3AccessDeniedError
        call.status = 200
        return original(response)

    wrap(S3Response, "list_objects_v2", list_objects)
