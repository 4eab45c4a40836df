"""`make demo`: the life of an example in the lab, shown as it happens and judged at the end."""
