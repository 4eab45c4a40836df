"""CloudWatch: metrics, embedded metric format, metric math, alarms and their actions."""
