"""The terminate use case: drain, return the license, leave Panorama, release the network."""
