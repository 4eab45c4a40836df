"""The program behind ``make acceptance``."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from acceptance import cost
from acceptance.account import Account, AccountError, AwsAccount, LabAccount
from acceptance.choices import REPOSITORY, ChoiceError, Choices, Plan, make_plan, read_choices
from acceptance.prerequisites import Checked, check
from acceptance.redaction import LeakError, refuse_secrets
from acceptance.report import Record, as_json, as_markdown
from acceptance.run import Run, module_version, secret_texts
from acceptance.sweep import Remains
from tf_setup import SetupError, terraform_environment
from vmseries_lab.client import LabError
from vmseries_scenarios.secret_search.search import Needle
from vmseries_scenarios.terraform import TerraformError

SUITE = Path(__file__).with_name("suite.py")
WIDTH = 140
FAILED, REFUSED, INTERRUPTED = 1, 2, 130


class Plugin:
    """Gives the run to the suite."""

    def __init__(self, run: Run) -> None:
        self.run = run


class Interrupts:
    """Ends the phases at the first Ctrl-C, and lets nothing interrupt the cleanup."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.happened = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.happened:
            self._say("The cleanup is running. Let it finish: resources that remain cost money.")
            return
        self.happened = True
        raise KeyboardInterrupt

    def install(self) -> None:
        """Handle Ctrl-C and SIGTERM from now on."""
        signal.signal(signal.SIGINT, self)
        signal.signal(signal.SIGTERM, self)


def main(environ: Mapping[str, str] | None = None, console: Console | None = None) -> int:
    """Run the acceptance, and return the exit status: 0 only if accepted and nothing is left."""
    environ = os.environ if environ is None else environ
    console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
    try:
        choices = read_choices(environ)
        account: Account = AwsAccount() if choices.on_aws else LabAccount(choices.answers)
    except (ChoiceError, AccountError, LabError) as error:
        console.print(Text(str(error), "red"))
        return REFUSED
    try:
        return _in_account(account, choices, console)
    except (ChoiceError, AccountError) as error:
        console.print(Text(str(error), "red"))
        return REFUSED
    finally:
        account.close()


def _in_account(account: Account, choices: Choices, console: Console) -> int:
    started = datetime.now(UTC)
    name = f"{started:%Y%m%d-%H%M%S}"
    plan = make_plan(choices, name, account.region)
    show_plan(console, account, choices, plan)
    checked = check(account, choices, plan, name)
    show_checks(console, checked)
    if checked.problems or not confirmed(account, choices, console):
        console.print("Nothing was made.")
        return REFUSED

    choices.output.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{name}-", dir=choices.output))

    def say(line: str) -> None:
        console.print(Text(line))

    run = Run(account, choices, plan, name, folder, say)
    interrupts = Interrupts(say)
    interrupts.install()
    status, left = 0, Remains()
    try:
        status = _phases(run, console)
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        interrupts.happened = True  # From here on, nothing interrupts.
        if not run.verdicts:
            run.leave_open("the run ended before")
        if choices.plant:
            run.plant_leftover()
        left = run.clean_up()
    return _report(run, started, left, status, console)


def _phases(run: Run, console: Console) -> int:
    try:
        run.prepare()
    except (TerraformError, SetupError) as error:
        console.print(Text(str(error), "red"))
        return FAILED
    arguments = [
        str(SUITE),
        f"--rootdir={REPOSITORY}",
        f"--tf-mod-dir={run.root.parent}",
        f"--tf-binary={terraform_environment().binary}",
        f"--basetemp={run.folder / 'pytest'}",
        "-p",
        "no:cacheprovider",
        "--exitfirst",
        "--timeout=0",
        "--capture=no",
        "--no-header",
        "--quiet",
        "--tb=short",
    ]
    os.environ["EXAMPLE"] = run.choices.example
    status = int(pytest.main(arguments, plugins=[_Named(Plugin(run))]))
    if status == int(pytest.ExitCode.TESTS_FAILED) and run.history and not run.verdicts:
        run.record()  # What was seen before the failure can be the reason for it.
    return status


class _Named:
    """Registers the plugin with the name by which the suite finds it."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._plugin, "acceptance-run")


def show_plan(console: Console, account: Account, choices: Choices, plan: Plan) -> None:
    """Print what the run makes, for how long, and what it costs."""
    where = "the lab, which costs nothing" if account.is_lab else f"AWS, Region {plan.region}"
    console.rule("Acceptance run")
    console.print(Text(f"examples/{choices.example} as {plan.name}, in {where}"))
    table = Table("makes", "number", "US dollars per hour")
    for item in cost.items(plan):
        if item.number:
            table.add_row(
                item.what, str(item.number), f"{item.per_hour:.2f}" if item.per_hour else ""
            )
    console.print(table)
    console.print(Text(cost.summary(plan)))
    for note in cost.notes(plan):
        console.print(Text(note, "dim"))


def show_checks(console: Console, checked: Checked) -> None:
    """Print what is wrong, and what could not be checked."""
    for sentence in checked.problems:
        console.print(Text(sentence, "red"))
    for what in checked.unchecked:
        console.print(Text(f"Not checked: {what}.", "yellow"))


def confirmed(account: Account, choices: Choices, console: Console) -> bool:
    """Return whether the run may begin: in the lab always, on AWS if the user says so."""
    if account.is_lab:
        return True
    if choices.account is None and (choices.yes or not sys.stdin.isatty()):
        console.print(
            Text("Set ACCOUNT to the ID of the account in which the run may make this.", "red")
        )
        return False
    if choices.yes:
        return True
    if not sys.stdin.isatty():
        console.print(Text("Set YES=1 to run without a question.", "red"))
        return False
    identity = account.account_id()
    answer = console.input(f"Type the account ID {identity} to make this: ")
    return answer.strip() == identity


def _report(run: Run, started: datetime, left: Remains, status: int, console: Console) -> int:
    plan, account = run.plan, run.account
    record = Record(
        day=started.date(),
        is_lab=account.is_lab,
        module=module_version(),
        tools=run.tools() if run.root.exists() else {},
        setup={
            "Example": run.choices.example,
            "Region": plan.region,
            "Instance type": plan.instance_type,
            "License type": plan.license_type,
            "PAN-OS": plan.panos_version or "from VARS",
            "Firewalls": f"{plan.minimum}, then one more",
            "Panorama": run.panorama_state,
        },
        phases=run.phases,
        verdicts=run.verdicts,
        leftovers=left.counts(),
        unsure=left.unsure,
        panorama_answers=run.recordings,
    )
    document, page = as_json(record), as_markdown(record)
    needles = [Needle(kind, value) for kind, value in secret_texts(account, plan)]
    needles.append(Needle("account ID", account.account_id()))
    try:
        refuse_secrets(document + page, needles)
    except LeakError as error:
        console.print(Text(f"{error} No record was written.", "red"))
        return FAILED
    source = "acceptance-lab" if account.is_lab else "acceptance"
    path = run.choices.output / f"{source}-{record.day.isoformat()}.json"
    path.write_text(document, encoding="utf-8")
    path.with_suffix(".md").write_text(page, encoding="utf-8")
    console.rule("Record")
    console.print(Text(page))
    console.print(Text(f"Written: {path} and {path.with_suffix('.md').name}"))
    return _end(run, record, left, status, console)


def _end(run: Run, record: Record, left: Remains, status: int, console: Console) -> int:
    for kind, names in left.found.items():
        console.print(Text(f"Left behind: {kind}: {', '.join(names)}", "red"))
    if run.has_state():
        command = f"terraform -chdir={run.root} destroy"
        console.print(
            Text(f"Terraform could not remove everything. Continue with: {command}", "red")
        )
    else:
        shutil.rmtree(run.folder, ignore_errors=True)
    faults = list(run.account.faults())
    faults += [
        f"{verdict.name}: the recorder saw {verdict.answer}, but the lab plays {verdict.played}"
        for verdict in run.verdicts
        if verdict.contradicts_the_lab
    ]
    for fault in faults:
        console.print(Text(fault, "red"))
    if status == INTERRUPTED or status == int(pytest.ExitCode.INTERRUPTED):
        return INTERRUPTED
    return 0 if record.accepted and status == 0 and not faults else FAILED
