"""The real Terraform in a temporary working copy of the repository.

The scenarios and the tests apply the examples unchanged, as a user would, and must leave nothing in
the checkout: no `.terraform`, no lock file, no state. Therefore, Terraform runs in a copy of the
module's files, without any AWS or Terraform setting of the caller's environment, so that it can
create resources in the lab only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import tf_provider

Event = Mapping[str, Any]
"""A line of Terraform's machine-readable output: `@message`, `type` and fields of the type.

https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

NOT_COPIED = shutil.ignore_patterns(".*", "*.tfstate*", "__pycache__")
"""Files of earlier runs, which are not copied."""

MODULE = ("*.tf", "modules", "lambda", "examples/modules", "tests/fixtures/modules")
"""Files of the module, and the modules that the examples share or the tests' root modules share."""

HANG_SECONDS = 1200.0
"""Real time after which a command is taken to hang, and stopped.

Each takes at most a minute or two on an idle machine. It must not be stopped on a busy one."""

INTERRUPT_GRACE_SECONDS = 20.0
"""Seconds that an interrupted Terraform gets to stop the provider and write its state."""

PLAN_HAS_CHANGES = 2
"""The exit code of `plan -detailed-exitcode` for "succeeded, with a non-empty diff"."""

LINES_KEPT = 30
"""Lines of plain output that an error quotes."""


class TerraformError(RuntimeError):
    """A Terraform command failed, or took too long: the text quotes its diagnostics."""


@dataclass(frozen=True, slots=True)
class Change:
    """A resource that a plan would change.

    Attributes:
        address: The resource, such as `module.firewalls.module.lifecycle.aws_sqs_queue.events`.
        actions: Terraform's actions, such as `("update",)` or `("delete", "create")`.
        attributes: The top-level attributes that would change.
    """

    address: str
    actions: tuple[str, ...]
    attributes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the change on one line, for the message of a failing test."""
        return f"{self.address}: {'/'.join(self.actions)} ({', '.join(self.attributes)})"


class Workspace:
    """A root module in a working copy, with a state of its own.

    One command at a time; `interrupt` may be called from another thread.

    Attributes:
        folder: The root module's folder in the working copy.
        variables: Input variables for all later commands; the caller may change them.
        grace_seconds: How long an interrupted command may take to write its state.
    """

    def __init__(
        self,
        folder: Path,
        *,
        binary: Path,
        environment: Mapping[str, str],
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        """Use an existing folder.

        Args:
            folder: The root module.
            binary: The Terraform command (`tf_setup.terraform_environment().binary`).
            environment: Environment variables: those of `Lab.environment()` and of tf_setup.
            variables: Input variables by name.
        """
        self.folder = folder
        self.variables: dict[str, Any] = dict(variables or {})
        self._binary = binary
        self._environment = clean_environment(os.environ, environment)
        self._running: subprocess.Popen[str] | None = None
        self._guard = threading.Lock()
        self._interrupted = False
        self.grace_seconds = INTERRUPT_GRACE_SECONDS

    @classmethod
    def copy(
        cls,
        repository: Path,
        root: str,
        destination: Path,
        *,
        binary: Path,
        environment: Mapping[str, str],
        variables: Mapping[str, Any] | None = None,
        uses: Iterable[str] = (),
    ) -> Self:
        """Copy the module and one root module, and use the root module in the copy.

        Args:
            repository: The checkout, which stays as it is.
            root: The root module's folder in the repository, such as `examples/two-arm`.
            destination: Where to copy to; must not exist.
            binary: As for the constructor.
            environment: As for the constructor.
            variables: As for the constructor.
            uses: Further folders that the root module has modules from.

        Raises:
            FileNotFoundError: The repository has no such root module.
        """
        if not any((repository / root).glob("*.tf")):
            raise FileNotFoundError(f"{root} in {repository} has no Terraform configuration")
        # The copy has the layout of the repository, so that relative module sources are valid.
        destination.mkdir(parents=True)
        for pattern in (*MODULE, root, *uses):
            for source in repository.glob(pattern):
                target = destination / source.relative_to(repository)
                if source.is_dir():
                    shutil.copytree(source, target, ignore=NOT_COPIED)
                else:
                    shutil.copy(source, target)
        return cls(destination / root, binary=binary, environment=environment, variables=variables)

    def init(self, *, limit: float = HANG_SECONDS) -> None:
        """Install the provider and link the modules."""
        self._check(self._plain(["init", "-input=false", "-no-color"], limit), "init")

    def keep_provider(self) -> None:
        """Let all later commands use one provider process, which ends with this object.

        Terraform starts a provider for each walk of a graph otherwise, three for an apply, and most
        of a command's CPU time goes into their schemas. For roots with one configuration of the
        provider. An interrupted command stops the provider for good.
        """
        try:
            address, program = tf_provider.installed(
                str(self._binary), self._environment, self.folder
            )
            provider = tf_provider.start(program, self._environment, self.folder)
        except tf_provider.NotSharedError:
            return
        self._environment["TF_REATTACH_PROVIDERS"] = json.dumps({address: provider.listener})
        weakref.finalize(self, provider.close)

    def apply(
        self,
        *,
        limit: float = HANG_SECONDS,
        parallelism: int = 20,
        on_event: Callable[[Event], None] | None = None,
        plan: Path | None = None,
    ) -> None:
        """Create or change everything.

        Args:
            limit: Limit in seconds of real time.
            parallelism: How many resources to change at once; the provider mostly sleeps.
            on_event: Called in this thread for each line of machine-readable output.
            plan: A file that `save_plan` has written, perhaps in another copy.

        Raises:
            TerraformError: Terraform failed, or did not end in time.
        """
        arguments = self._variable_arguments() if plan is None else [str(plan)]
        self._change("apply", arguments, limit, parallelism, on_event)

    def destroy(
        self,
        *,
        limit: float = HANG_SECONDS,
        parallelism: int = 20,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """Delete everything; arguments and errors as for `apply`."""
        self._change("destroy", self._variable_arguments(), limit, parallelism, on_event)

    def plan(self, *, limit: float = HANG_SECONDS) -> tuple[Change, ...]:
        """Return what an apply would change; nothing if everything is as configured.

        Changed outputs count, as they do for `terraform plan -detailed-exitcode`.

        Raises:
            TerraformError: The plan failed.
        """
        return planned_changes(self.planned(limit=limit))

    def planned(self, *, limit: float = HANG_SECONDS) -> dict[str, Any]:
        """Return a plan in JSON form, empty if it would change nothing."""
        file = self.folder / "checked.tfplan"
        if not self.save_plan(file, limit=limit):
            return {}
        plan: dict[str, Any] = json.loads(self._facts(["show", "-json", str(file)]))
        return plan

    def save_plan(self, file: Path, *, limit: float = HANG_SECONDS) -> bool:
        """Write a plan; return whether it would change anything.

        Raises:
            TerraformError: The plan failed.
        """
        arguments = ["plan", "-input=false", "-no-color", "-detailed-exitcode", f"-out={file}"]
        code, output = self._plain(arguments + self._variable_arguments(), limit)
        if code not in (0, PLAN_HAS_CHANGES):
            raise TerraformError(failure("plan", code, tail(output)))
        return code == PLAN_HAS_CHANGES

    def output(self) -> dict[str, Any]:
        """Return the root module's outputs."""
        values = json.loads(self._facts(["output", "-json"]))
        return {name: output["value"] for name, output in values.items()}

    def state(self) -> list[str]:
        """Return the addresses of all resources in the state."""
        return self._facts(["state", "list"]).split()

    def shown(self) -> dict[str, Any]:
        """Return the state in JSON form."""
        shown: dict[str, Any] = json.loads(self._facts(["show", "-json"]))
        return shown

    def migrate_state(self) -> None:
        """Move the state to the backend that the configuration has now."""
        arguments = ["init", "-input=false", "-no-color", "-migrate-state", "-force-copy"]
        self._check(self._plain(arguments, 180.0), "init")

    def force_unlock(self, lock: str) -> None:
        """Remove a lock of the state that a dead command has left."""
        self._check(self._plain(["force-unlock", "-force", lock], HANG_SECONDS), "force-unlock")

    def push_state(self, file: Path) -> None:
        """Upload a state that a command has saved as a file, because it could not upload it."""
        self._check(self._plain(["state", "push", str(file)], HANG_SECONDS), "state push")

    def set_environment(self, **variables: str) -> None:
        """Set environment variables of all later commands."""
        self._environment |= variables

    @contextlib.contextmanager
    def own_provider(self) -> Iterator[None]:
        """Let commands start the provider themselves, as they do for users.

        An interrupt stops the provider, and a shared one would stay stopped.
        """
        shared = self._environment.pop("TF_REATTACH_PROVIDERS", None)
        try:
            yield
        finally:
            if shared is not None:
                self._environment["TF_REATTACH_PROVIDERS"] = shared

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to a running command; other than `interrupt`, others may follow it.

        SIGKILL ends the provider, too, as when a machine or a container dies. Otherwise, only
        Terraform gets the signal, as by Ctrl-C in a terminal, and tells the provider to stop.
        """
        with self._guard:
            running = self._running
        if running is None or running.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(running.pid, number)
            else:
                running.send_signal(number)

    def interrupt(self) -> None:
        """Stop a running command as Ctrl-C would, and refuse to start another.

        Returns at once. A command that does not end is killed after a while.
        """
        with self._guard:
            self._interrupted = True
            running = self._running
        if running is not None:
            arguments = (running, self.grace_seconds)
            threading.Thread(target=stop, args=arguments, daemon=True).start()

    # Running a command -----------------------------------------------------------------------

    def _change(
        self,
        command: str,
        rest: list[str],
        limit: float,
        parallelism: int,
        on_event: Callable[[Event], None] | None,
    ) -> None:
        arguments = [command, "-json", "-auto-approve", "-input=false"]
        arguments += [f"-parallelism={parallelism}", *rest]
        problems: list[str] = []
        plain: list[str] = []
        with self._process(arguments, limit) as process:
            for line in stream(process):
                event = parse(line)
                if event is None:
                    plain.append(line)
                    continue
                if event.get("type") == "diagnostic" and event.get("@level") == "error":
                    problems.append(diagnostic(event))
                if on_event is not None:
                    on_event(event)
        if process.returncode != 0:
            text = "\n".join(problems) or tail("".join(plain))
            raise TerraformError(failure(command, process.returncode, text))

    def _plain(self, arguments: list[str], limit: float) -> tuple[int, str]:
        """Run a command with errors in its output; return its exit code and output."""
        with self._process(arguments, limit) as process:
            output = "".join(stream(process))
        return process.returncode, output

    def _facts(self, arguments: list[str]) -> str:
        """Return the output of a short command, without warnings."""
        with tempfile.TemporaryFile("w+") as errors:
            with self._process(arguments, HANG_SECONDS, errors=errors.fileno()) as process:
                printed = "".join(stream(process))
            errors.seek(0)
            self._check((process.returncode, errors.read()), arguments[0])
        return printed

    def _check(self, result: tuple[int, str], command: str) -> None:
        code, output = result
        if code != 0:
            raise TerraformError(failure(command, code, tail(output)))

    def _variable_arguments(self) -> list[str]:
        return [
            f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in self.variables.items()
        ]

    @contextlib.contextmanager
    def _process(
        self, arguments: list[str], limit: float, *, errors: int = subprocess.STDOUT
    ) -> Iterator[subprocess.Popen[str]]:
        """Run Terraform, and make sure that it ends; raise an error after a time-out."""
        with self._guard:
            if self._interrupted:
                raise TerraformError(f"terraform {arguments[0]} was not started: interrupted")
            # A session of its own: otherwise, the terminal's Ctrl-C would reach Terraform as well,
            # and a second interrupt makes it abandon its state.
            process = self._running = subprocess.Popen(
                [self._binary, f"-chdir={self.folder}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._environment,
                start_new_session=True,
            )
        late = threading.Event()

        def expire() -> None:
            late.set()
            stop(process, self.grace_seconds)

        watchdog = threading.Timer(limit, expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield process
            process.wait()
        finally:
            watchdog.cancel()
            stop(process, self.grace_seconds)
            output(process).close()
            with self._guard:
                self._running = None
        if late.is_set():
            raise TerraformError(
                f"terraform {arguments[0]} did not end within {limit:.0f} seconds and was stopped"
            )


# Pure functions -----------------------------------------------------------------------------------


def clean_environment(base: Mapping[str, str], additions: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for Terraform: `base` without AWS and Terraform settings.

    A profile, an endpoint or a `TF_VAR_` of the user must not affect the run, and must not direct
    it to a real account; nor must files in the home directory.
    """
    kept = {
        name: value for name, value in base.items() if not name.startswith(("AWS_", "TF_", "MOTO_"))
    }
    closed = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }
    return kept | closed | dict(additions)


def planned_changes(plan: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the changes of a plan in JSON form (`terraform show -json PLAN`).

    https://developer.hashicorp.com/terraform/internals/json-format
    """
    changes = []
    for resource in plan.get("resource_changes", []):
        actions = tuple(resource["change"]["actions"])
        if actions in {("no-op",), ("read",)}:
            continue
        changes.append(Change(resource["address"], actions, differing(resource["change"])))
    for name, change in plan.get("output_changes", {}).items():
        if change["actions"] != ["no-op"]:
            changes.append(Change(f"output.{name}", tuple(change["actions"])))
    return tuple(changes)


def differing(change: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the top-level attributes that a planned change would alter, unknown ones included."""
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return tuple(sorted(names | {name for name, value in unknown.items() if value}))


def parse(line: str) -> Event | None:
    """Parse a line of machine-readable output; None for plain text, such as that of a crash."""
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None


def diagnostic(event: Event) -> str:
    """Return an error diagnostic as one paragraph: summary, object, file, detail."""
    facts = event.get("diagnostic", {})
    source_range = facts.get("range", {})
    location = (
        f" ({source_range['filename']}:{source_range['start']['line']})" if source_range else ""
    )
    address = f"{facts['address']}: " if facts.get("address") else ""
    detail = f"\n  {facts['detail']}" if facts.get("detail") else ""
    return f"{address}{facts.get('summary', event.get('@message', ''))}{location}{detail}"


def failure(command: str, code: int, text: str) -> str:
    """Return the error message of a failed command."""
    return f"terraform {command} failed (exit code {code}):\n{text.strip() or 'no output'}"


def tail(output: str) -> str:
    """Return the last lines of a command's output."""
    return "\n".join(output.splitlines()[-LINES_KEPT:])


# Processes ----------------------------------------------------------------------------------------


def output(process: subprocess.Popen[str]) -> IO[str]:
    """Return the process's output stream, which is always a pipe here."""
    if process.stdout is None:
        raise AssertionError("Terraform was started without a pipe")
    return process.stdout


def stream(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield the process's lines until it closes its output."""
    yield from output(process)


def stop(process: subprocess.Popen[str], grace_seconds: float = INTERRUPT_GRACE_SECONDS) -> None:
    """End a process: an interrupt first, so that it writes its state; then its whole session."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
