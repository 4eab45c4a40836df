"""The client with which tests and scenarios start and control a lab."""

from vmseries_lab.client.aws import ACCESS_KEY, SECRETS, environment_for
from vmseries_lab.client.errors import LabError
from vmseries_lab.client.lab import DEPLOYMENT_TAG, Lab, Leftovers
from vmseries_lab.core.validation import Validation

__all__ = [
    "ACCESS_KEY",
    "DEPLOYMENT_TAG",
    "SECRETS",
    "Lab",
    "LabError",
    "Leftovers",
    "Validation",
    "environment_for",
]
