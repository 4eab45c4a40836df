"""IAM: roles, policies, and the authorization of every call of a function.

Moto's own enforcement supports neither conditions nor resources. ``policy_evaluation`` evaluates
policy documents, ``roles`` finds the documents of a role, ``action_reference`` lists the
authorization requests of each action, and ``authorizer`` authorizes calls.
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
