"""Creates resources in the account of a lab."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from typing import Any
from uuid import uuid4

from vmseries_lab.client import Lab


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document that allows the statements."""
    allowed = [{"Effect": "Allow", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


TRUST = policy({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


def archive(**modules: str) -> bytes:
    """Return a deployment package with these modules; double underscores become slashes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, code in modules.items():
            opened.writestr(f"{name.replace('__', '/')}.py", textwrap.dedent(code))
    return buffer.getvalue()


class Account:
    """Creates and uses resources for a test through boto3."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.name = f"t{uuid4().hex[:8]}"

    def role(self, *statements: dict[str, Any], name: str = "") -> str:
        """Create a role that Lambda can assume, and return its ARN."""
        name = name or f"{self.name}-{uuid4().hex[:6]}"
        iam = self.lab.aws.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
        if statements:
            document = policy(*statements)
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return str(role["Arn"])

    def function(self, code: str, role: str = "", **settings: Any) -> str:
        """Create a function with ``def handler(event, context)`` in ``code``; return its ARN."""
        client = self.lab.aws.client("lambda")
        answer = client.create_function(
            **{
                "FunctionName": f"{self.name}-{uuid4().hex[:6]}",
                "Role": role or self.role({"Action": "*", "Resource": "*"}),
                "Runtime": "python3.13",
                "Handler": "app.handler",
                "Code": {"ZipFile": archive(app=code)},
                "Timeout": 10,
                **settings,
            }
        )
        return str(answer["FunctionArn"])

    def invoke(self, arn: str, event: Any = None) -> tuple[Any, str]:
        """Invoke a function; return its response and the kind of error, empty if none."""
        answer = self.lab.aws.client("lambda").invoke(FunctionName=arn, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read() or b"null"), answer.get("FunctionError", "")

    def queue(self, suffix: str = "q", **attributes: Any) -> tuple[str, str]:
        """Create a queue; return its URL and ARN."""
        sqs = self.lab.aws.client("sqs")
        values = {k: v if isinstance(v, str) else json.dumps(v) for k, v in attributes.items()}
        url = sqs.create_queue(QueueName=f"{self.name}-{suffix}", Attributes=values)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(url), str(attributes["Attributes"]["QueueArn"])

    def messages(self, url: str) -> list[dict[str, Any]]:
        """Receive up to ten visible messages of a queue."""
        answer = self.lab.aws.client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))
