"""`make demo`: an example's whole life in the lab, shown as it happens and judged at the end."""
