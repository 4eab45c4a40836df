"""EventBridge: the event bus with its rules and targets, and schedule expressions."""
