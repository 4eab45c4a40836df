"""Lambda functions for the lifecycle hooks of an Auto Scaling group of VM-Series firewalls."""
