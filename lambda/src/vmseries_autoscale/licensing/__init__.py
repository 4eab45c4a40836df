"""Return licenses, and verify that they are returned.

A license is returned in the same way as it was assigned: by the firewall itself (``firewall``),
directly or through Panorama, or by Panorama's license plugin (``plugin``), which does not need the
firewall to run. A license counts as returned when a license list no longer shows it, whether this
package, the plugin's auto-deactivation or the vendor's fast delicensing returned it.
docs/licensing.md has a table of situations and results.
"""
