"""The pre-flight: finds problems of a deployment before a firewall depends on it.

Every function answers ``{"action": "validate"}`` with the results of its checks: its secrets, its
connection to Panorama and the permissions of its own role. The reconcile function also checks
Panorama's configuration. The pre-flight changes nothing. ``findings`` defines the results, ``run``
selects and runs the checks, and each of the other modules holds the checks of one subject.
"""

from vmseries_autoscale.preflight.run import is_preflight_request, validate

__all__ = ["is_preflight_request", "validate"]
