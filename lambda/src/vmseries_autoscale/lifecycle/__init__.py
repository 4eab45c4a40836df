"""The common part of both hooks: events, heartbeats, queue messages and the steps of a visit.

``message_queue`` runs one visit for the messages of a batch, and deletes, delays or dead-letters
each message according to its outcome. ``visit`` runs the steps.
"""
