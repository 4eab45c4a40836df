"""The lab's command line: ``serve`` starts a lab, and the other commands drive one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from vmseries_lab.client import Lab

NO_LAB = "http://no-lab-is-served.invalid"
"""An endpoint that no request reaches (RFC 2606)."""

WIDTH = 160
"""Characters of a line where no terminal limits it, as in a pipe."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A simulated AWS and Panorama for the module, on one machine.",
)
faults = typer.Typer(no_args_is_help=True, help="List, add and clear faults of calls.")
app.add_typer(faults, name="faults")

Endpoint = Annotated[
    str | None,
    typer.Option(
        envvar="AWS_ENDPOINT_URL",
        show_default=False,
        help="The lab to use. By default, the only one that is served.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def attached(endpoint: str | None) -> Iterator[Lab]:
    """Attach to the lab that a command is for; print an error without a traceback."""
    from vmseries_lab import served  # noqa: PLC0415 - slow, and --help does not need it
    from vmseries_lab.client import Lab, LabError  # noqa: PLC0415 - as above

    try:
        with Lab.at(served.choose(endpoint)) as lab:
            yield lab
    except LabError as error:
        typer.echo(f"Error: {error}", err=True)
        others = [] if endpoint is None else served.endpoints()
        if endpoint is not None and endpoint not in others:
            now = f"served now: {', '.join(others)}" if others else "no lab is served now"
            typer.echo(f"The endpoint is that of --endpoint or AWS_ENDPOINT_URL; {now}.", err=True)
        raise typer.Exit(1) from error


def console() -> Console:
    """Return the console for standard output."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def show(content: Any, *, as_json: bool, rows: Any) -> None:
    """Print a table, or its rows as JSON."""
    if as_json:
        typer.echo(json.dumps(rows, indent=2, default=str))
    else:
        console().print(content)


# The lab itself -----------------------------------------------------------------------------------


@app.command()
def serve(
    *,
    pace: Annotated[
        float, typer.Option(help="Lab seconds per real second, in addition to it.")
    ] = 0.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the addresses as one line of JSON.")
    ] = False,
    with_parent: Annotated[
        bool,
        typer.Option("--with-parent", help="Stop when standard input ends."),
    ] = False,
) -> None:
    """Start a lab on free loopback ports. AWS_REGION chooses its Region."""
    try:
        from vmseries_lab.core import location  # noqa: F401, PLC0415 - --help needs no Region
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    from vmseries_lab import served  # noqa: PLC0415 - slow, and --help does not need it
    from vmseries_lab.server import main  # noqa: PLC0415 - as above

    with ExitStack() as stack:

        def announce(ready: dict[str, Any]) -> None:
            if not with_parent:
                stack.enter_context(served.recorded(ready))
            typer.echo(json.dumps(ready) if as_json else introduction(ready, pace))

        main(announce, with_parent=with_parent, pace=pace)


def introduction(ready: dict[str, Any], pace: float) -> str:
    """Return what a person needs to know about a lab that has started."""
    minute = f"a lab minute takes {60 / (1 + pace):.0f} s" if pace >= 0 else "its clock is stopped"
    return (
        f"The lab listens at {ready['endpoint']}, as {ready['region']}; {minute}.\n"
        'In another shell: eval "$(lab/bin/vmseries-lab environment)"\n'
        "Ctrl-C stops the lab and deletes everything in it."
    )


@app.command()
def environment(
    *,
    # Not from AWS_ENDPOINT_URL: this command replaces that of a lab that has ended.
    endpoint: Annotated[
        str | None,
        typer.Option(
            show_default=False, help="The lab to use. By default, the only one that is served."
        ),
    ] = None,
) -> None:
    """Print the variables that lead Terraform and AWS SDKs to the lab, for eval in a shell."""
    from vmseries_lab import views  # noqa: PLC0415 - slow, and --help does not need it
    from vmseries_lab.client import environment_for  # noqa: PLC0415 - as above

    try:
        with attached(endpoint) as lab:
            variables = lab.aws.environment()
    except typer.Exit:
        # eval does not see that this command fails. The next one must not reach an account.
        typer.echo("\n".join(views.environment_lines(environment_for(NO_LAB, "us-east-1"), {})))
        raise
    typer.echo("\n".join(views.environment_lines(variables, os.environ)))


# Time ---------------------------------------------------------------------------------------------


@app.command()
def advance(
    seconds: Annotated[float, typer.Argument(min=0, help="Lab seconds.")],
    *,
    endpoint: Endpoint = None,
) -> None:
    """Move the clock, and wait until everything that is due has happened."""
    with attached(endpoint) as lab:
        lab.advance(seconds)
        _tell_time(lab)


@app.command(context_settings={"ignore_unknown_options": True})  # -1 is a number, not an option.
def pace(
    seconds: Annotated[
        float,
        typer.Argument(
            min=-1, help="Lab seconds per real second, in addition to it; -1 stops the clock."
        ),
    ],
    *,
    endpoint: Endpoint = None,
) -> None:
    """Let lab time pass by itself at this pace, while no function is at work."""
    with attached(endpoint) as lab:
        lab.pace(seconds)
        _tell_time(lab)


@app.command()
def clock(*, endpoint: Endpoint = None) -> None:
    """Print lab time and pace."""
    with attached(endpoint) as lab:
        _tell_time(lab)


def _tell_time(lab: Lab) -> None:
    from vmseries_lab import views  # noqa: PLC0415 - slow, and --help does not need it

    state = lab.clock()
    passing = "stopped" if state.pace < 0 else f"{1 + state.pace:g} lab seconds per second"
    typer.echo(f"{views.clock_time(state.now)} UTC, {passing}")


# What is there, and what happened -----------------------------------------------------------------


@app.command()
def firewalls(*, as_json: AsJson = False, endpoint: Endpoint = None) -> None:
    """List the firewalls."""
    from vmseries_lab import views  # noqa: PLC0415 - slow, and --help does not need it

    with attached(endpoint) as lab:
        rows = views.firewall_rows(lab)
    show(views.firewalls_table(rows), as_json=as_json, rows=rows)


@app.command()
def alarms(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that are not in ALARM.")] = False,
    as_json: AsJson = False,
    endpoint: Endpoint = None,
) -> None:
    """List the alarms of CloudWatch that are in ALARM."""
    from vmseries_lab import views  # noqa: PLC0415 - slow, and --help does not need it

    with attached(endpoint) as lab:
        rows = views.alarm_rows(lab)
    shown = [row for row in rows if every or row["state"] == "ALARM"]
    if shown or as_json:
        show(views.alarms_table(shown), as_json=as_json, rows=shown)
    else:
        typer.echo(f"None of {len(rows)} alarms is in ALARM.")


@app.command()
def timeline(
    *,
    since: Annotated[int, typer.Option(min=0, help="Number of the first entry.")] = 0,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as alarm-state.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only this instance, serial number or other subject.")
    ] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only this many, the newest.")] = None,
    as_json: AsJson = False,
    endpoint: Endpoint = None,
) -> None:
    """List what happened: launches, hooks, attachments, commits, licenses, and so on."""
    from vmseries_lab import views  # noqa: PLC0415 - slow, and --help does not need it

    with attached(endpoint) as lab:
        entries = [
            entry
            for entry in lab.timeline(since)
            if kind in (None, entry.kind) and subject in (None, entry.subject)
        ][-last if last else None :]
    show(
        views.timeline_table(entries),
        as_json=as_json,
        rows=[entry.as_dict() for entry in entries],
    )


@app.command()
def leftovers(*, as_json: AsJson = False, endpoint: Endpoint = None) -> None:
    """Count what firewalls hold: interfaces, addresses, licenses and entries in Panorama."""
    from vmseries_lab import views  # noqa: PLC0415 - slow, and --help does not need it

    with attached(endpoint) as lab:
        held = lab.leftovers()
    show(f"leftovers: {views.leftovers_line(held)}", as_json=as_json, rows=asdict(held))


@app.command()
def errors(*, endpoint: Endpoint = None) -> None:
    """Print the errors of the lab itself; fail if there are any."""
    with attached(endpoint) as lab:
        found = lab.errors()
    typer.echo("\n".join(found) if found else "The lab itself had no error.")
    raise typer.Exit(1 if found else 0)


# What a person does -------------------------------------------------------------------------------


@app.command()
def sessions(
    number: Annotated[
        float | None, typer.Argument(min=0, help="Sessions to offer to the firewalls in service.")
    ] = None,
    *,
    endpoint: Endpoint = None,
) -> None:
    """Offer load to the firewalls, or print the number of sessions."""
    with attached(endpoint) as lab:
        if number is not None:
            lab.offer_sessions(number)
        status = lab.traffic()
    typer.echo(", ".join(f"{name}: {value:,}" for name, value in status.items()))


@app.command()
def panorama(
    command: Annotated[
        str, typer.Argument(help="Operational command in XML.")
    ] = "<show><devices><all/></devices></show>",
    *,
    xpath: Annotated[
        str | None,
        typer.Option(help="Show this part of the running configuration instead."),
    ] = None,
    endpoint: Endpoint = None,
) -> None:
    """Print a curl command for Panorama's XML API, as the functions' administrator."""
    from vmseries_lab import served, views  # noqa: PLC0415 - slow, and --help does not need it

    with attached(endpoint) as lab:
        key = lab.aws.secret("panorama")["api_key"]
        if xpath is None:
            parameters = {"key": key, "type": "op", "cmd": command}
        else:
            parameters = {"key": key, "type": "config", "action": "show", "xpath": xpath}
        ca_file = served.write_ca(lab.endpoint, lab.ca_pem)
        host = lab.panorama.active_host()
        typer.echo(views.curl_command(host, lab.address(host), ca_file, parameters))


@app.command()
def set_commands(*, endpoint: Endpoint = None) -> None:
    """Enter Panorama's set commands from standard input, and commit them.

    Reads one command per line, or the JSON list of `terraform output -json panorama_set_commands`.
    """
    text = sys.stdin.read()
    commands = json.loads(text) if text.lstrip().startswith("[") else text.splitlines()
    with attached(endpoint) as lab:
        lab.panorama.run_commands(commands)
    typer.echo(f"Entered and committed {len(commands)} lines.")


@app.command()
def secret(
    name: Annotated[str, typer.Argument(help="Name after vmseries-autoscale/, as bootstrap.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Values to change in the secret."),
    ] = None,
    *,
    endpoint: Endpoint = None,
) -> None:
    """Print a secret of the lab's initial state, after changing values in it."""
    changes = dict(_pair(text, "KEY=VALUE, such as vm-auth-key=1") for text in values or ())
    with attached(endpoint) as lab:
        if changes:
            lab.aws.change_secret(name, **changes)
        content = lab.aws.secret(name)
    typer.echo("\n".join(f"{key}={value}" for key, value in content.items()))


@app.command()
def invoke(
    function: Annotated[str, typer.Argument(help="Name of the Lambda function.")],
    action: Annotated[str, typer.Argument(help="Such as validate, report or reconcile.")],
    *,
    endpoint: Endpoint = None,
) -> None:
    """Invoke a function of the module with an action; print its answer as JSON."""
    with attached(endpoint) as lab:
        answer, failed = lab.aws.invoke(function, {"action": action})
    typer.echo(json.dumps(answer, indent=2))
    raise typer.Exit(1 if failed else 0)


@faults.command("list")
def list_faults(*, as_json: AsJson = False, endpoint: Endpoint = None) -> None:
    """List the faults that are not used up."""
    from vmseries_lab import views  # noqa: PLC0415 - slow, and --help does not need it

    with attached(endpoint) as lab:
        rows = lab.faults.listed()
    show(views.faults_table(rows), as_json=as_json, rows=rows)


@faults.command("add")
def add_fault(
    service: Annotated[str, typer.Argument(help="Name of the service in boto3; * for any.")],
    action: Annotated[str, typer.Argument(help="Name of the action; * for any.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SETTING=VALUE]...",
            help="As in lab/control-api.md: kind=throttle, count=3, count=null for all, …",
        ),
    ] = None,
    *,
    endpoint: Endpoint = None,
) -> None:
    """Make calls fail: the next one, unless a count is given."""
    parsed = dict(_setting(text) for text in settings or ())
    with attached(endpoint) as lab:
        lab.faults.add(service, action, **parsed)


@faults.command("clear")
def clear_faults(*, endpoint: Endpoint = None) -> None:
    """Remove all faults."""
    with attached(endpoint) as lab:
        lab.faults.clear()


def _pair(text: str, form: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is not {form}")
    return name, value


def _setting(text: str) -> tuple[str, Any]:
    """Return a setting's name and value; a value that is JSON, such as 3 or null, is decoded."""
    name, value = _pair(text, "SETTING=VALUE, such as kind=throttle")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
