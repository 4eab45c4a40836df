"""The error of everything that drives a lab."""


class LabError(RuntimeError):
    """The lab did not start, stopped answering, or rejected a request."""
