"""CloudWatch: metrics, metric math, and alarms that act."""
