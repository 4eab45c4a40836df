"""The lab's command line."""

from __future__ import annotations

from pathlib import Path
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


@app.command()
def demo(
    *,
    plant: Annotated[
        bool,
        typer.Option("--plant", help="Leave an interface and a license behind, and fail."),
    ] = False,
    picture: Annotated[Path, typer.Option(help="Where to write the picture.")] = Path(
        ".build/demo/demo.png"
    ),
    pace: Annotated[float, typer.Option(help="Lab seconds per real second, at most.")] = 200.0,
) -> None:
    """Apply an example, send a wave of load through it, destroy it, and count what is left."""
    from vmseries_lab.demo.app import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(plant=plant, picture_path=picture, pace=pace))


@app.command()
def burst(
    *,
    number: Annotated[int, typer.Option(min=1, help="How many firewalls at once.")] = 200,
    limit: Annotated[
        float | None,
        typer.Option(help="Lab seconds from the first launch event to the last interface."),
    ] = None,
) -> None:
    """Launch and terminate many firewalls at once, at the request rates that AWS publishes."""
    from vmseries_lab.burst import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(number, limit))


@app.command()
def storm(
    *,
    number: Annotated[int, typer.Option(min=1, help="How many firewalls at once.")] = 100,
    plant: Annotated[
        bool, typer.Option("--plant", help="Leave a license behind, and fail.")
    ] = False,
) -> None:
    """Terminate many firewalls at once, and count the commits that this costs Panorama."""
    from vmseries_lab.storm import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(number, plant=plant))


@app.command()
def permissions(
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the tables of docs/security.md.")
    ] = False,
) -> None:
    """Prove that the functions may do what they do and nothing else, on calls in the lab."""
    from vmseries_lab.permissions.app import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(write=write))


@app.command()
def preflight(
    *,
    broken: Annotated[
        bool, typer.Option("--broken", help="Break eight things at once, and fail.")
    ] = False,
) -> None:
    """Apply an example and ask its functions what is wrong: nothing, or eight things at once."""
    from vmseries_lab.preflight import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(broken=broken))
