"""The lab's command line."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A simulated AWS and Panorama for the module, on one machine.",
)


@app.callback()
def lab() -> None:
    """Keep ``serve`` a subcommand although it is the only one."""


@app.command()
def serve(
    *,
    with_parent: Annotated[
        bool,
        typer.Option("--with-parent", help="Stop when standard input ends."),
    ] = False,
) -> None:
    """Start a lab on free loopback ports and print its addresses as one line of JSON."""
    try:
        from vmseries_lab.core import location  # noqa: F401, PLC0415 - --help needs no Region
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    from vmseries_lab.server import main  # noqa: PLC0415 - slow, and --help does not need it

    main(with_parent=with_parent)
