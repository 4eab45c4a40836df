"""Changes each input of a deployment in service, and watches its firewalls: docs/changes.md."""
