"""Proof that each function may do what it does, and nothing else.

``scenarios`` makes the functions do everything that they can do, in the lab; ``proof`` compares
what they called with what Terraform granted; ``tables`` says it, here and in docs/security.md.
"""
