"""One lifecycle action: from its queue message to its completion."""
