"""Mutators: each takes a correct example and a random generator, and returns a damaged one."""
