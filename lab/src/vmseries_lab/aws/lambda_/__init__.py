"""Lambda: what was uploaded runs, in processes of its own, under its role.

Moto stores functions and layers; invoking them, their logs, retries and limits are here. Source:
Lambda Developer Guide; the section is named at each behaviour.

``patches`` leads moto's Lambda to ``service``, which offers the ways to invoke; ``asynchronous``
has the queue of one of them, ``in_flight`` what the lab's clock waits for. ``invoking`` takes one
invocation through ``workers``, ``logs`` and ``records``. A worker is made of ``uploads``, a copy of
one of the ``templates`` if there is any, and has an ``environment``; ``configuration`` reads what
moto stores.
"""

from vmseries_lab.aws.lambda_.configuration import find_function
from vmseries_lab.aws.lambda_.invocation import Outcome
from vmseries_lab.aws.lambda_.moto_overrides import install
from vmseries_lab.aws.lambda_.service import Functions

__all__ = ["Functions", "Outcome", "find_function", "install"]
