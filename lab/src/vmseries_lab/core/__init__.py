"""The base of all parts of the lab: clock, timeline, world, registry and control API."""
