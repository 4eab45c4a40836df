"""How each service refuses a request that breaks its model: its error code and words.

EC2 documents that it refuses parameters that it does not know. Other services do not say what they
do; the lab refuses them too, since they have no effect.
"""

from __future__ import annotations

from dataclasses import dataclass

from vmseries_lab.aws.validation.constraints import Constraint


@dataclass(frozen=True, slots=True)
class Codes:
    """Error codes of a service.

    Attributes:
        missing: a required parameter is absent.
        invalid: a value breaks a constraint.
        unknown: the service has no such parameter.
        wrong_type: a value is not of the parameter's type.
    """

    missing: str
    invalid: str
    unknown: str
    wrong_type: str


_QUERY = Codes("ValidationError", "ValidationError", "ValidationError", "MalformedInput")
_JSON = Codes(
    "ValidationException", "ValidationException", "ValidationException", "SerializationException"
)
CODES = {
    # Codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. The words
    # for an unknown parameter: https://github.com/aws/aws-sdk-cpp/issues/327.
    "ec2": Codes(
        "MissingParameter", "InvalidParameterValue", "UnknownParameter", "InvalidParameterValue"
    ),
    # "Common Errors" of their API references, such as
    # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html.
    **dict.fromkeys(("autoscaling", "cloudwatch", "elbv2", "iam", "sts"), _QUERY),
    # https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
    "sns": Codes("InvalidParameter", "InvalidParameter", "InvalidParameter", "InvalidParameter"),
    # https://github.com/boto/botocore/issues/3058, and
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html.
    "sqs": Codes(
        "MissingParameter",
        "InvalidParameterValue",
        "InvalidParameterValue",
        "InvalidParameterValue",
    ),
    # https://github.com/awslabs/aws-embedded-metrics-java/issues/65
    "logs": Codes(
        "InvalidParameterException",
        "InvalidParameterException",
        "InvalidParameterException",
        "SerializationException",
    ),
}
"""By service in boto3; others have ``_JSON``: "Common Errors" of EventBridge, Lambda and KMS."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A breach of a service's model.

    Attributes:
        kind: name of the error code in ``Codes``.
        member: path of the parameter in the request.
        value: the value, shortened; ``***`` if it is secret.
        rule: what the value must satisfy, in the words of the service.
        source: who publishes the rule.
        constraint: the rule itself; ``None`` for missing, unknown and mistyped parameters.
    """

    kind: str
    member: str
    value: str
    rule: str
    source: str
    constraint: Constraint | None = None


def code_of(service: str, violation: Violation) -> str:
    """Return the error code with which the service refuses the violation."""
    if violation.constraint is not None and violation.constraint.code:
        return violation.constraint.code
    return str(getattr(CODES.get(service, _JSON), violation.kind))


def message_of(service: str, violations: list[Violation]) -> str:
    """Return the error message with which the service refuses the violations."""
    first = violations[0]
    if first.constraint is not None and first.constraint.words:
        return first.rule
    if service == "ec2":
        return {
            "missing": f"The request must contain the parameter {first.member}",
            "unknown": f"The parameter {first.member} is not recognized",
        }.get(
            first.kind,
            f"Value ({first.value}) for parameter {first.member} is invalid. {first.rule}.",
        )
    if first.kind == "wrong_type":
        return f"{first.member}: {first.rule}"
    count = len(violations)
    head = f"{count} validation error{'s' if count > 1 else ''} detected: "
    return head + "; ".join(
        f"Value {'null' if v.kind == 'missing' else repr(v.value)} at '{_lower(v.member)}' failed "
        f"to satisfy constraint: {v.rule}"
        for v in violations
    )


def _lower(member: str) -> str:
    return ".".join(part[:1].lower() + part[1:] for part in member.split("."))
