"""The story of a deployment, until every answer to every unsettled fact was played.

By default, the lab plays the first answer to each. Here, firewalls launch, serve, are scaled in,
fail and are replaced while it plays other answers, for each way in which licenses are returned.
"""
