"""The story of a deployment, once for each answer to each unsettled fact.

By default, the lab plays the first answer to each. Here, firewalls launch, serve, are scaled in,
fail and are replaced while it plays another answer, for each way in which licenses are returned.
"""
