"""Reconciliation: resend lost lifecycle events and remove what terminated firewalls left behind.

``inventory`` describes the current state, ``decisions`` plans without any call, ``resend`` and
``cleanup`` act, and ``report`` summarizes.
"""
