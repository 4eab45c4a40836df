"""The acceptance run: applies an example in an account, destroys it, and writes a record.

``make acceptance`` starts it. docs/acceptance.md describes it for users.
"""
