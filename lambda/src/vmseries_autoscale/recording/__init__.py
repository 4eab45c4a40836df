"""The recording use case: read what Panorama answers today, in neutral values.

Much of what Panorama answers is documented nowhere (docs/assumptions.md). Invoked with ``{"action":
"record"}``, the reconcile function makes read-only requests and returns the form of each answer:
element names, numbers, sizes, times and known words. ``requests`` lists the requests, ``shape``
describes an answer, ``neutral`` and ``vocabulary`` replace its values, ``known_values`` are those
of the deployment, and ``run`` makes the document. docs/acceptance.md says how to send it.
"""

from vmseries_autoscale.recording.run import record

__all__ = ["record"]
