"""The pre-flight use case: find problems of a deployment before a firewall depends on it.

Invoked with ``{"action": "validate"}``, each function checks its secrets, its connection to
Panorama and the permissions of its role, and returns the results. The reconcile function also
checks Panorama's configuration. The pre-flight changes nothing. ``findings`` defines the results,
``run`` selects and runs the checks, and each other module contains the checks of one subject.
"""

from vmseries_autoscale.preflight.run import is_preflight_request, validate

__all__ = ["is_preflight_request", "validate"]
