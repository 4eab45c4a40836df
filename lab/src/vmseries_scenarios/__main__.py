"""``python -m vmseries_scenarios``."""

from vmseries_scenarios.cli import app

app()
