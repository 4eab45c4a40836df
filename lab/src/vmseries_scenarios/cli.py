"""Command line of the programs that use the lab."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Programs that run the module in the lab: a demonstration, and proofs.",
)


@app.command()
def demo(
    *,
    negative_control: Annotated[
        bool,
        typer.Option(
            "--negative-control",
            help="Leave a network interface and a license behind; the run must fail.",
        ),
    ] = False,
    chart: Annotated[Path, typer.Option(help="Where to write the chart.")] = Path(
        ".build/demo/demo.png"
    ),
    pace: Annotated[float, typer.Option(help="Maximum lab seconds per real second.")] = 200.0,
) -> None:
    """Apply an example, send a wave of load through it, destroy it, and count what remains."""
    from vmseries_scenarios.demo.main import run  # noqa: PLC0415 - --help must not load boto3

    raise typer.Exit(run(negative_control=negative_control, chart_path=chart, pace=pace))


@app.command()
def mass_launch(
    *,
    number: Annotated[int, typer.Option(min=1, help="How many firewalls at once.")] = 200,
    limit: Annotated[
        float | None,
        typer.Option(help="Lab seconds from the first launch event to the last interface."),
    ] = None,
) -> None:
    """Launch and terminate many firewalls at once, at EC2's published request rates."""
    from vmseries_scenarios.mass_launch import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(number, limit))


@app.command()
def mass_terminate(
    *,
    number: Annotated[int, typer.Option(min=1, help="How many firewalls at once.")] = 100,
    negative_control: Annotated[
        bool, typer.Option("--negative-control", help="Leave a license behind; the run must fail.")
    ] = False,
) -> None:
    """Terminate many firewalls at once, and count the Panorama commits that this takes."""
    from vmseries_scenarios.mass_terminate import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(number, negative_control=negative_control))


@app.command()
def estate(
    *,
    devices: Annotated[
        int, typer.Option(min=1, help="How many firewalls of others Panorama manages.")
    ] = 2500,
    number: Annotated[int, typer.Option(min=1, help="How many deployments share it.")] = 10,
) -> None:
    """Measure requests, memory and time at a Panorama with thousands of other firewalls."""
    from vmseries_scenarios.estate import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(devices, number))


@app.command()
def refresh(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="MODE", help="Only modes with this text in their name; repeatable."),
    ] = None,
    chart: Annotated[Path, typer.Option(help="Where to write the chart.")] = Path(
        ".build/refresh/refresh.svg"
    ),
) -> None:
    """Refresh a group in each readiness mode, and count its healthy targets all the time."""
    from vmseries_scenarios.refresh.main import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(only or (), chart))


@app.command()
def bench() -> None:
    """Print the AWS calls and times of visits, and what depends on the machine's speed."""
    from vmseries_scenarios.benchmarks import run  # noqa: PLC0415 - as above

    raise typer.Exit(run())


@app.command()
def least_privilege(
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the tables of docs/security.md.")
    ] = False,
) -> None:
    """Prove that the functions need every permission that they are granted, and no other."""
    from vmseries_scenarios.least_privilege.main import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(write=write))


@app.command()
def attacks(
    *,
    only: Annotated[
        list[str] | None, typer.Option(metavar="FAMILY", help="Only this family; repeatable.")
    ] = None,
    negative_control: Annotated[
        bool, typer.Option("--negative-control", help="Remove one guard; the run must fail.")
    ] = False,
) -> None:
    """Attack a deployment in each known way, and check that nothing is touched."""
    from vmseries_scenarios.attacks.main import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(only=only or (), negative_control=negative_control))


@app.command()
def secret_search(
    *,
    negative_control: Annotated[
        bool,
        typer.Option("--negative-control", help="Write a secret into a log; the run must fail."),
    ] = False,
) -> None:
    """Let everything happen at the log level DEBUG, and search for every secret value."""
    from vmseries_scenarios.secret_search.main import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(negative_control=negative_control))


@app.command()
def playground() -> None:
    """Execute the blocks of docs/playground.md against a lab, and compare what they print."""
    from vmseries_scenarios.playground import run  # noqa: PLC0415 - as above

    raise typer.Exit(run())


@app.command()
def preflight(
    *,
    broken: Annotated[
        bool, typer.Option("--broken", help="Break eight things at once; the run must fail.")
    ] = False,
) -> None:
    """Apply an example and run the pre-flight check of each of its functions."""
    from vmseries_scenarios.preflight import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(broken=broken))


@app.command()
def boot_phases(
    *,
    only: Annotated[
        str, typer.Option("--only", "-k", help="Only points whose name contains these words.")
    ] = "",
    lanes: Annotated[
        int | None, typer.Option(min=1, help="How many points to run at a time.")
    ] = None,
) -> None:
    """Let firewalls leave in each phase of their boot, and count licenses before and after."""
    from vmseries_scenarios.boot_phases.main import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(only, lanes))


@app.command()
def assumptions(
    *,
    only: Annotated[
        str, typer.Option("--only", "-k", help="Only facts or answers with one of these words.")
    ] = "",
    lanes: Annotated[
        int | None, typer.Option(min=1, help="How many stories to tell at a time.")
    ] = None,
) -> None:
    """Let firewalls launch, serve, leave and fail, once for each answer to an unsettled fact."""
    from vmseries_scenarios.assumptions.main import run  # noqa: PLC0415 - as above

    raise typer.Exit(run(only, lanes))


@app.command()
def crash_matrix(
    *,
    scenario: Annotated[
        str, typer.Option(help="Only scenarios whose name contains this text.")
    ] = "",
    sample: Annotated[
        str | None, typer.Option(metavar="SEED", help="Only a few points, chosen at random.")
    ] = None,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Also run a faulty function, which must not converge.")
    ] = False,
    results: Annotated[Path | None, typer.Option(help="Write all results as JSON.")] = None,
    lanes: Annotated[
        int | None, typer.Option(min=1, help="How many points to run at a time.")
    ] = None,
) -> None:
    """Run each call of the functions with each fault, and compare the result with a clean run."""
    from vmseries_scenarios.crash_matrix import main  # noqa: PLC0415 - as above

    choice = main.Choices(scenario, sample, mutants=mutants, results=results, lanes=lanes)
    raise typer.Exit(main.run(choice))


@app.command()
def interrupts(
    *,
    only: Annotated[
        str, typer.Option("--only", "-k", help="Only trials whose name contains this text.")
    ] = "",
    at_once: Annotated[
        int | None, typer.Option(min=1, help="How many trials to run at a time.")
    ] = None,
) -> None:
    """Interrupt apply and destroy at many points; the repeated command must complete."""
    from vmseries_scenarios.interrupts import main  # noqa: PLC0415 - as above

    raise typer.Exit(main.run(only, at_once or main.TRIALS_AT_ONCE))


@app.command()
def changes(
    *,
    rows: Annotated[
        str,
        typer.Option("--rows", "-k", help="Only rows with one of these words."),
    ] = "",
    lane: Annotated[str, typer.Option(help="Only this deployment.")] = "",
    module: Annotated[Path | None, typer.Option(help="Try another checkout of the module.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Only write docs/changes.md.")] = False,
) -> None:
    """Change each input of a deployment in service, and watch its firewalls."""
    from vmseries_scenarios.changes import main  # noqa: PLC0415 - as above

    if write:
        main.write_page()
        raise typer.Exit
    raise typer.Exit(main.run(rows, lane=lane, module=module))


@app.command()
def walk(
    *,
    example: Annotated[
        list[str] | None, typer.Option(help="one-arm or two-arm; repeatable. Both by default.")
    ] = None,
    plant: Annotated[
        str | None, typer.Option(help="Plant a fault that the walk must find.")
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Print every flow.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables of the examples' READMEs.")
    ] = False,
) -> None:
    """Walk every flow of the examples through AWS and PAN-OS, in the lab."""
    from vmseries_scenarios.packet_walk import main  # noqa: PLC0415 - as above

    examples = example or main.EXAMPLES
    raise typer.Exit(main.run(examples, plant=plant, every=every, markdown=markdown))


@app.command()
def walk_account(
    outputs: Annotated[Path, typer.Argument(help="Output of `terraform output -json`.")],
    configuration: Annotated[Path, typer.Argument(help="Exported configuration of Panorama.")],
    *,
    overlay_routing: Annotated[
        bool, typer.Option(help="Whether the bootstrap settings enable overlay routing.")
    ],
    device_group: Annotated[str, typer.Option()] = "autoscale",
    template_stack: Annotated[str, typer.Option()] = "autoscale-stack",
    panorama: Annotated[
        IPv4Address | None,
        typer.Option(
            parser=IPv4Address, metavar="ADDRESS", help="Address of Panorama, if it is private."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Print every flow.")] = False,
) -> None:
    """Walk every flow of a deployment in your AWS account. Nothing is changed or sent."""
    from vmseries_scenarios.packet_walk import main  # noqa: PLC0415 - as above

    raise typer.Exit(
        main.run_account(
            outputs,
            configuration,
            overlay_routing=overlay_routing,
            device_group=device_group,
            template_stack=template_stack,
            panorama=panorama,
            every=every,
        )
    )
