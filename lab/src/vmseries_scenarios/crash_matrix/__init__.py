"""The crash matrix: every call of a function, with every fault that can happen to it.

A clean run records the calls. Then, for each call and each fault, the same scenario runs again with
this one fault until nothing more happens. Its final state must be that of the clean run.
``docs/proofs/resilience.md`` says what that proves.
"""
