"""The lab's command line."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A laptop-sized AWS and Panorama in which the module runs for real.",
)


@app.callback()
def lab() -> None:
    """Keep the commands apart, however few there are."""


@app.command()
def serve(
    *,
    with_parent: Annotated[
        bool,
        typer.Option("--with-parent", help="Stop when standard input ends."),
    ] = False,
) -> None:
    """Start a lab on free ports of the loopback and print where it is, as one line of JSON."""
    from vmseries_lab.server import main  # noqa: PLC0415 - moto takes seconds; --help needs none

    main(with_parent=with_parent)
