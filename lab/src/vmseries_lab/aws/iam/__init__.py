"""IAM: roles and policies, and the authorization of every call of a function.

Moto's own enforcement knows neither conditions nor resources. ``policy_evaluation`` decides what
documents allow, ``roles`` finds the documents of a role, ``action_reference`` lists what AWS
authorizes for each action, and ``authorizer`` applies the three to calls.
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
