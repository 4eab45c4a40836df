"""SQS: what moto's queues lack or do differently, and message move tasks."""

from vmseries_lab.aws.sqs.queues import in_flight, install

__all__ = ["in_flight", "install"]
