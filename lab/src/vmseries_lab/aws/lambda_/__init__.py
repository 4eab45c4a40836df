"""Lambda: uploaded functions run in their own processes, with the credentials of their roles.

Moto stores functions and layers; this package invokes them, with logs, retries and limits. Source:
Lambda Developer Guide; each behavior names its section.

``moto_overrides`` connects moto's Lambda to ``service``, which invokes functions, asynchronously
through ``async_queue``; the lab's clock waits while invocations are ``in_flight``. ``invocation``
runs an invocation in one of the ``execution_environments``, and adds to ``logs`` and
``invocation_log``. An environment has ``code_packages`` and ``environment_variables``, and can be
forked from one of the ``snapshots``. ``event_source_mapping`` polls queues, and ``sqs_batches``
converts their messages.
"""

from vmseries_lab.aws.lambda_.configuration import find_function
from vmseries_lab.aws.lambda_.invocation import Outcome
from vmseries_lab.aws.lambda_.moto_overrides import install
from vmseries_lab.aws.lambda_.service import Functions

__all__ = ["Functions", "Outcome", "find_function", "install"]
