"""The reconcile use case: resend lost lifecycle events and remove orphans of terminated firewalls.

``inventory`` describes the current state, ``decisions`` plans without any API call, ``resend`` and
``cleanup`` act, ``report`` summarizes, and ``run`` calls them in this order.
"""
