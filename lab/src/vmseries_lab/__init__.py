"""A simulated AWS and Panorama for the module, on one machine."""
