"""``python -m vmseries_lab``."""

from vmseries_lab.cli import app

app(prog_name="vmseries-lab")
