"""Command line of the fuzzer: ``make fuzz``."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

# The product reads the environment when it is imported.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "fuzz")
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "fuzz")

from fuzz import report
from fuzz.minimize import minimized_case
from fuzz.processes import Runner, make_case
from fuzz.targets import Target
from fuzz.targets.credits import Credits
from fuzz.targets.events import Events
from fuzz.targets.responses import Responses
from fuzz.targets.secrets import Secrets
from fuzz.targets.settings import Settings
from fuzz.targets.strata_cloud_manager import StrataCloudManager

FOLDER = Path(__file__).resolve().parents[2] / ".build" / "fuzz"
"""Where inputs that fail are saved, by default."""

TARGETS: dict[str, Callable[[], Target]] = {
    "events": Events,
    "settings": Settings,
    "secrets": Secrets,
    "responses": Responses,
    "credits": Credits,
    "strata-cloud-manager": StrataCloudManager,
}

SHOWN = 300
"""Characters of an input that are printed."""


def main(arguments: list[str] | None = None) -> int:
    """Run the fuzzer and return its exit status: 0 if every input is accepted or a named error."""
    options = _parser().parse_args(arguments)
    # Otherwise, logging's last resort prints the warnings of a first run without damage.
    logging.getLogger("vmseries_autoscale").addHandler(logging.NullHandler())
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(f"seed {options.seed}")
    targets = [TARGETS[name]() for name in ([options.target] if options.target else TARGETS)]
    first = options.input or 0
    numbers = range(first, first + (options.number if options.input is None else 1))
    tallies = {target.name: report.Tally() for target in targets}
    runner = Runner(options.seed, plant=options.plant)
    for result in runner.run(targets, numbers):
        tallies[result.target].add(result)
    for target in targets:
        _show_failures(console, target, tallies[target.name], options)
    report.print_table(console, tallies)
    console.print(report.last_line(tallies))
    is_complete = all(tally.inputs == len(numbers) for tally in tallies.values())
    return int(not is_complete or any(tally.failures for tally in tallies.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--number", type=int, default=20_000, help="inputs of each target")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="makes the inputs repeatable")
    parser.add_argument("--plant", action="store_true", help="plant an error, which must be found")
    parser.add_argument("--target", choices=TARGETS, help="only this target")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to save what fails")
    parser.add_argument("--input", type=int, help="only the input with this number")
    return parser


def _show_failures(
    console: Console, target: Target, tally: report.Tally, options: argparse.Namespace
) -> None:
    """Print an example of each kind of failure, and save it."""
    for number, (signature, count) in enumerate(tally.failures.most_common(), 1):
        label, place = signature
        console.print(escape(f"{target.name}: {label} ({place or 'no place'}): {count} inputs"))
        example = tally.examples[signature]
        case = make_case(target, options.seed, example.number)
        short = minimized_case(target, case, example.verdict, plant=options.plant)
        if short is None:
            console.print("  The input alone does not fail: it depends on the inputs before it.")
            short = case
        content = target.content(short)
        path = options.folder / f"{target.name}-{number}.txt"
        options.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        )
        arguments = f"--target {target.name} --input {example.number}"
        console.print(
            escape(f'  input {example.number}: make fuzz SEED={options.seed} ARGS="{arguments}"')
        )
        rest = repr(target.with_content(short, content[:0]))
        console.print(escape(f"  {rest[:SHOWN]}"), soft_wrap=True)
        shown = repr(content[:SHOWN])[:SHOWN]
        console.print(escape(f"  {len(content)} long, {path}: {shown}"), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
