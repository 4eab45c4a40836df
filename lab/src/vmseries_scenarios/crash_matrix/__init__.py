"""The crash matrix: every call of a function, with everything that can go wrong at it.

A clean run says which calls there are. Then, for each call and each fault, the same situation is
run again with this one fault, until nothing moves any more; and the end must be that of the clean
run. ``docs/resilience.md`` says what that proves.
"""
