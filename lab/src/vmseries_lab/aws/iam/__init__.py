"""IAM: what roles and policies allow, and every call of a function decided by it.

Moto's own enforcement knows neither conditions nor resources. ``policies`` decides what documents
say, ``roles`` which documents a role has, ``reference`` what AWS asks of the caller of each action,
and ``gatekeeper`` puts the three before the calls.
"""

from vmseries_lab.aws.iam.policy_evaluation import (
    Document,
    Request,
    UnsupportedConditionError,
    allows,
)
from vmseries_lab.aws.iam.roles import documents, role_allows, service_may_assume

__all__ = [
    "Document",
    "Request",
    "UnsupportedConditionError",
    "allows",
    "documents",
    "role_allows",
    "service_may_assume",
]
