"""What every part of the lab stands on: clock, timeline, the world, and the control API."""
