"""Firewalls that leave in each phase of their boot: no license is lost without being reported.

A firewall may take its license minutes before Panorama knows it. For each way in which licenses are
returned, a firewall leaves in each phase, for each reason for which it can leave. Afterwards the
licenses in use are counted, and what the functions reported.
"""
