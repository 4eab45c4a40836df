"""Proof that each function has the permissions that it needs, and no other.

``scenarios`` lets the functions do everything that they can do, in the lab. ``proof`` compares
what they called with what Terraform granted. ``tables`` shows it, here and in docs/security.md.
"""
