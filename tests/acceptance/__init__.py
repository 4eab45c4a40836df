"""The acceptance run: an example of the module lives and dies in an account, and leaves a record.

``make acceptance`` starts it. docs/acceptance.md describes it for users.
"""
