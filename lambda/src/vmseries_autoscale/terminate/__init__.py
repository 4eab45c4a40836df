"""The terminate use case: drain, return the license, remove from Panorama, release the network."""
