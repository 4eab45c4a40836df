"""The pre-flight: what is wrong with a deployment, said before a firewall depends on it.

Every function answers ``{"action": "validate"}`` with what it finds out about itself: its secrets,
its way to Panorama and what its own role may do; the reconcile function, besides, about Panorama's
configuration. Nothing is changed by it. ``findings`` is what checks yield, ``run`` puts them
together, and each other module is about one concern.
"""

from vmseries_autoscale.preflight.run import is_asked, validate

__all__ = ["is_asked", "validate"]
