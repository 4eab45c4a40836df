"""The places in which the functions could leave a secret, read through public APIs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from vmseries_scenarios.deployment import Deployment
from vmseries_scenarios.secret_search.needles import TOKEN
from vmseries_scenarios.secret_search.search import Place

OWN_LOGGER = "vmseries_autoscale"
QUIET_LEVELS = ("TRACE", "DEBUG", "INFO")


def places(deployment: Deployment) -> Iterator[Place]:
    """Yield every place of a deployment and of its lab."""
    yield from _logs(deployment)
    yield from _queues(deployment)
    lab = deployment.lab
    yield Place("results and errors of invocations", _texts(lab.invocations()))
    yield Place("items of DynamoDB tables", tuple(_items(deployment)))
    ec2 = lab.aws.client("ec2")
    yield Place("EC2 tags", _texts(ec2.get_paginator("describe_tags").paginate(), "Tags"))
    instances = ec2.get_paginator("describe_instances").paginate()
    yield Place("descriptions of instances", _texts(instances, "Reservations"))
    templates = ec2.describe_launch_template_versions(Versions=["$Latest", "$Default"])
    yield Place("user data", tuple(_user_data(templates["LaunchTemplateVersions"])))
    metrics = lab.aws.client("cloudwatch").get_paginator("list_metrics").paginate()
    yield Place("names and dimensions of metrics", _texts(metrics, "Metrics"))
    functions = lab.aws.client("lambda").list_functions()["Functions"]
    yield Place("environment and settings of functions", _texts(functions))
    autoscaling = lab.aws.client("autoscaling")
    activities = autoscaling.describe_scaling_activities(AutoScalingGroupName=deployment.name)
    # Auto Scaling itself names the token of an action that was abandoned, in the status message.
    yield Place("scaling activities", _texts(activities["Activities"]), frozenset({TOKEN}))
    yield Place("Terraform outputs", _texts([deployment.outputs]))
    state = deployment.workspace.folder / "terraform.tfstate"
    yield Place("Terraform state", tuple(state.read_text().splitlines()))


def library_records(deployment: Deployment) -> list[str]:
    """Return the libraries with records below WARNING in the logs, by the name of the logger."""
    names = set()
    for place in _logs(deployment):
        for text in place.texts:
            record = _parsed(text)
            logger = str(record.get("logger", OWN_LOGGER))
            if record.get("level") in QUIET_LEVELS and not logger.startswith(OWN_LOGGER):
                names.add(logger)
    return sorted(names)


def debug_records(deployment: Deployment) -> int:
    """Return how many records of this package have the level DEBUG."""
    return sum(
        _parsed(text).get("level") == "DEBUG" for place in _logs(deployment) for text in place.texts
    )


def _logs(deployment: Deployment) -> Iterator[Place]:
    logs = deployment.lab.aws.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            events = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
            messages = tuple(event["message"] for page in events for event in page["events"])
            yield Place(f"log group {name}", messages)


def _queues(deployment: Deployment) -> Iterator[Place]:
    """Yield the queues.

    Dead letters keep the whole event, so that it can be redriven: docs/security.md. The tokens in
    it are those of lifecycle actions that have ended.
    """
    sqs = deployment.lab.aws.client("sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        texts: list[str] = []
        # Messages stay invisible for a while, so that each is received once.
        while messages := sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages"):
            texts += _texts(messages)
        name = url.rpartition("/")[2]
        allowed = frozenset({TOKEN}) if name.endswith("dead-letters") else frozenset[str]()
        yield Place(f"queue {name}", tuple(texts), allowed)


def _items(deployment: Deployment) -> Iterator[str]:
    dynamodb = deployment.lab.aws.client("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        yield from _texts(dynamodb.get_paginator("scan").paginate(TableName=name), "Items")


def _user_data(templates: list[dict[str, Any]]) -> Iterator[str]:
    for template in templates:
        encoded = template["LaunchTemplateData"].get("UserData", "")
        yield base64.b64decode(encoded).decode()


def _texts(items: Any, key: str = "") -> tuple[str, ...]:
    """Return each item as text; with ``key``, the items of pages."""
    found = [item for page in items for item in page[key]] if key else list(items)
    return tuple(json.dumps(item, default=str, ensure_ascii=False) for item in found)


def _parsed(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
