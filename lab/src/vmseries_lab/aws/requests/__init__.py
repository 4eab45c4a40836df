"""Every call to the simulated AWS passes through here: it is written down, and can be made to fail.

``gate`` is what every call passes: it writes into the ``log`` what was asked (``parameters``), lets
the ``faults`` strike (``connections`` break or wait, ``errors`` are answered), has IAM decide, and
gives lost ``answers`` again.
"""

from vmseries_lab.aws.requests.fault_injection import Fault, Faults
from vmseries_lab.aws.requests.pipeline import Gate, install
from vmseries_lab.aws.requests.request_log import Call, Calls, role_of

__all__ = ["Call", "Calls", "Fault", "Faults", "Gate", "install", "role_of"]
