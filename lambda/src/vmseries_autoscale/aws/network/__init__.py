"""The network of one instance: its interfaces and Elastic IP addresses.

``describe`` reads a ``state``, ``plan`` decides which ``actions`` are possible now, and ``apply``
executes them until the plan is empty.
"""
