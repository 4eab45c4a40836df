"""How licenses are returned, and how that is proven."""
