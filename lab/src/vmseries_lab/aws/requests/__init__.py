"""Every call to the simulated AWS passes through here: logging, faults and authorization.

``pipeline`` handles every call: it adds its ``parameters`` to the ``request_log``, applies faults
(``fault_injection``, ``connections``, ``errors``), refuses what AWS refuses (``aws.validation``),
has IAM authorize it, and returns lost responses to retries (``replayed_responses``).
"""

from vmseries_lab.aws.requests.fault_injection import Fault, Faults
from vmseries_lab.aws.requests.pipeline import RequestPipeline, install, install_validation
from vmseries_lab.aws.requests.request_log import Call, Calls, role_of

__all__ = [
    "Call",
    "Calls",
    "Fault",
    "Faults",
    "RequestPipeline",
    "install",
    "install_validation",
    "role_of",
]
