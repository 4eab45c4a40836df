"""AWS clients and the calls that the use cases make with them."""
