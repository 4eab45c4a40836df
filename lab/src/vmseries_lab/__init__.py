"""A laptop-sized AWS and Panorama in which the module runs for real."""
