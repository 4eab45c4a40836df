"""Proof that no secret leaves the functions, at the log level DEBUG.

``story`` lets the functions do everything in which they could quote a secret. ``needles`` collects
the values, and ``haystack`` the texts in which they must not occur. ``search`` compares them.
"""
