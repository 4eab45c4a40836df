"""The base of every part of the lab: clock, timeline, world, registry and control API."""
