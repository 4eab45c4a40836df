"""The functions that answer the lifecycle hooks of a group of VM-Series firewalls."""
