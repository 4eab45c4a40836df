"""Handlers: the entry points of the Lambda functions."""
