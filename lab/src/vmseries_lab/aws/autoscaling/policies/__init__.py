"""Scaling policies: step scaling and target tracking."""
