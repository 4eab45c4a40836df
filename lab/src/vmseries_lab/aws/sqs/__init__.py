"""SQS: what moto's queues lack or do differently.

Moto's queues already follow the lab's clock (``vmseries_lab.aws.moto_clock``). ``queues`` adds
limits, receipt handles and retention as SQS has them; ``message_move_tasks`` adds message move
tasks. Source: SQS Developer Guide and API reference; each behavior names its section.
"""

from vmseries_lab.aws.sqs import message_move_tasks, queues
from vmseries_lab.aws.sqs.queues import in_flight
from vmseries_lab.core.world import World

__all__ = ["in_flight", "install"]


def install(world: World) -> None:
    """Correct moto's queues and add what they lack."""
    queues.install(world)
    message_move_tasks.install(world)
