"""AWS: clients, and what the use cases read and change there."""
