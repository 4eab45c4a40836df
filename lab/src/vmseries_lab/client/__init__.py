"""Starts a lab and drives it: what tests and scenarios use."""

from vmseries_lab.client.lab import (
    ACCESS_KEY,
    DEPLOYMENT_TAG,
    SECRETS,
    Lab,
    LabError,
    Leftovers,
)

__all__ = ["ACCESS_KEY", "DEPLOYMENT_TAG", "SECRETS", "Lab", "LabError", "Leftovers"]
