"""The error of the client."""


class LabError(RuntimeError):
    """The lab did not start, stopped answering, or rejected a request."""
