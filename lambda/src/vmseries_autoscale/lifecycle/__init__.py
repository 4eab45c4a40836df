"""Process lifecycle actions, from the queue message to the completion."""
