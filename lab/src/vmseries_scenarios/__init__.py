"""Programs that apply the module to the simulated AWS and Panorama, and judge what happens."""
