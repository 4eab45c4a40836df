"""Apply and destroy are interrupted, and the same command, repeated, completes.

``points`` says where the signals land, ``interruption`` lets them land there, ``recovery`` is what
an operator does afterwards, ``residue`` counts what is left, and ``stories`` has the trials.
``docs/operations.md`` promises what is proven here.
"""
