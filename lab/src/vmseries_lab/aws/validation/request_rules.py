"""Documented rules on several parameters of a call together, or on the size of one.

No model states them. The words are those that users of the APIs report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from vmseries_lab.aws.validation.constraints import Constraint
from vmseries_lab.aws.validation.errors import Violation

DAY, WEEK, HOUR = 86_400, 604_800, 3_600
ENVIRONMENT_BYTES = 4_096
QUEUE_POLICY_BYTES = 8_192
QUEUE_POLICY_ACTIONS = 7
SHORTEST_LIFETIME = 86_400

_REFERENCE = "https://docs.aws.amazon.com/"
_ALARM = _REFERENCE + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
_LAMBDA = _REFERENCE + "lambda/latest/dg/troubleshooting-deployment.html"
_GROUP = _REFERENCE + "autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html"
_QUEUE = _REFERENCE + "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html"


def violations_of_request(
    service: str, action: str, parameters: dict[str, Any]
) -> Iterator[Violation]:
    """Yield what is wrong with parameters that are right one by one."""
    rule = _RULES.get((service, action))
    if rule is not None:
        yield from rule(parameters)


def _group(parameters: dict[str, Any]) -> Iterator[Violation]:
    """A maximum instance lifetime is zero, for none, or a day at least.

    The words are the lab's own: none are recorded.
    """
    lifetime = int(parameters.get("MaxInstanceLifetime", 0))
    if 0 < lifetime < SHORTEST_LIFETIME:
        words = f"MaxInstanceLifetime must be 0 or at least {SHORTEST_LIFETIME} seconds."
        yield _violation("MaxInstanceLifetime", words, _GROUP)


def _alarm(parameters: dict[str, Any]) -> Iterator[Violation]:
    """An alarm evaluates at most a day, or a week with periods of an hour or more."""
    stats = [query.get("MetricStat", query) for query in parameters.get("Metrics", ())]
    periods = [int(each["Period"]) for each in (parameters, *stats) if each.get("Period")]
    period = max(periods, default=0)
    total = period * int(parameters["EvaluationPeriods"])
    limit, name = (DAY, "day") if period < HOUR else (WEEK, "week")
    if total > limit:
        words = (
            f"Metrics cannot be checked across more than a {name} "
            f"(EvaluationPeriods * Period must be <= {limit})."
        )
        yield _violation("EvaluationPeriods", words, _ALARM)


def _environment(parameters: dict[str, Any]) -> Iterator[Violation]:
    """The variables have at most 4,096 bytes as JSON.

    https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594. Lambda appends
    the variables to the message; the lab does not.
    """
    variables = parameters.get("Environment", {}).get("Variables", {})
    stored = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    if len(stored.encode()) > ENVIRONMENT_BYTES:
        words = (
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit."
        )
        yield _violation(
            "Environment.Variables", words, _LAMBDA, code="InvalidParameterValueException"
        )


def _queue(parameters: dict[str, Any]) -> Iterator[Violation]:
    """A queue policy has at most 8,192 bytes, and a statement seven actions.

    https://github.com/BishopFox/cloudfoxable/issues/29 and
    https://github.com/ministryofjustice/cloud-platform-environments/pull/9082
    """
    policy = parameters.get("Attributes", {}).get("Policy", "")
    if len(policy.encode()) > QUEUE_POLICY_BYTES:
        words = "Submitted policy is over max allowed size."
        yield _violation("Attributes.Policy", words, _QUEUE, code="OverLimit", status=403)
        return
    try:
        statements = json.loads(policy)["Statement"] if policy else []
    except (KeyError, TypeError, ValueError):
        return  # Another check refuses what is not a policy.
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = statement.get("Action", ())
        count = len(actions) if isinstance(actions, list) else 1
        if count > QUEUE_POLICY_ACTIONS:
            words = (
                f"{count} actions were found in a statement from the submitted policy, max allowed "
                f"is {QUEUE_POLICY_ACTIONS}"
            )
            yield _violation("Attributes.Policy", words, _QUEUE, code="OverLimit", status=403)


def _violation(
    member: str, words: str, source: str, *, code: str = "", status: int = 400
) -> Violation:
    constraint = Constraint("state", None, source, words, code, status)
    return Violation("invalid", member, "", words, source, constraint)


_RULES: dict[tuple[str, str], Callable[[dict[str, Any]], Iterator[Violation]]] = {
    ("autoscaling", "CreateAutoScalingGroup"): _group,
    ("autoscaling", "UpdateAutoScalingGroup"): _group,
    ("cloudwatch", "PutMetricAlarm"): _alarm,
    ("lambda", "CreateFunction"): _environment,
    ("lambda", "UpdateFunctionConfiguration"): _environment,
    ("sqs", "CreateQueue"): _queue,
    ("sqs", "SetQueueAttributes"): _queue,
}
