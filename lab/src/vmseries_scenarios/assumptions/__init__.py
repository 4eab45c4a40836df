"""The story of a deployment, once for each answer to each unsettled fact.

The lab plays the answer that is worse for the module. Here, firewalls launch, serve, are scaled in,
fail and are replaced while it plays another answer, for each way in which licenses are returned.
"""
