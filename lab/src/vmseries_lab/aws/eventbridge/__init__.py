"""EventBridge: the default event bus, schedules, delivery to targets, input transformation."""
