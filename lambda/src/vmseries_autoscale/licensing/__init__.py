"""How licenses are returned, and how a returned license is proven.

A license is returned the way it was assigned: by the firewall itself (``firewall``), directly or
through Panorama, or by Panorama's license plugin (``plugin``), which does not need the firewall to
run. Either way, a license counts as returned when a list no longer shows it, whoever returned it:
this package, the plugin's auto-deactivation or the vendor's fast delicensing. docs/licensing.md has
a table of situations and results.
"""
