"""Lambda: uploaded functions run in processes of their own, under their roles.

Moto stores functions and layers; invoking them, their logs, retries and limits are here. Source:
Lambda Developer Guide; the section is named at each behavior.

``moto_overrides`` connects moto's Lambda to ``service``, which invokes functions, asynchronously
through ``async_queue``; the lab's clock waits for what is ``in_flight``. ``invocation`` runs one
invocation in one of the ``execution_environments``, and adds to ``logs`` and ``invocation_log``. An
environment has ``code_packages`` and ``environment_variables``, and may be a copy of one of the
``snapshots``; ``configuration`` reads what moto stores.
"""

from vmseries_lab.aws.lambda_.configuration import find_function
from vmseries_lab.aws.lambda_.invocation import Outcome
from vmseries_lab.aws.lambda_.moto_overrides import install
from vmseries_lab.aws.lambda_.service import Functions

__all__ = ["Functions", "Outcome", "find_function", "install"]
