"""What both hooks share: events, heartbeats, queue messages and the steps of a visit.

``message_queue`` turns the messages of a batch into one visit, and its outcomes into deletion,
backoff or the dead-letter queue. ``visit`` runs the steps.
"""
