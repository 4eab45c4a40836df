"""The launch use case: attach the network, wait until the firewall is ready, enter service."""
