"""The scenario: apply an example, send a wave of load through it, and destroy it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from vmseries_lab.client import Lab
from vmseries_lab.core.timeline import Entry
from vmseries_scenarios import negative_control
from vmseries_scenarios.demo.model import Firewall, Phase
from vmseries_scenarios.demo.observer import Observer
from vmseries_scenarios.demo.panorama_history import PanoramaHistory
from vmseries_scenarios.demo.stage_runner import StageRunner
from vmseries_scenarios.deployment import MINUTE, Deployment
from vmseries_scenarios.terraform import Event, Workspace

START = "start the lab"
INIT = "terraform init"
APPLY = "terraform apply"
FIRST = "first firewalls join"
NORMAL = "normal load"
OUT = "wave of load: scale out"
IN = "load drops: scale in"
DESTROY = "terraform destroy"
COUNT = "count leftovers"
STAGES = (START, INIT, APPLY, FIRST, NORMAL, OUT, IN, DESTROY, COUNT)

SMALL, LARGE = 3, 6
"""Firewalls before and after the wave: one, then two in each of three zones."""

NORMAL_SHARE = 0.65
"""Normal load, as a share of what three firewalls carry at their target."""

WAVE_SHARE = 1.9
"""The wave, as the same share: it needs six firewalls; five are not enough."""

PACE = 200.0
"""Maximum lab seconds per real second: while functions run, the lab's clock stands still."""

PANORAMA_SECRET = "vmseries-autoscale/panorama"  # noqa: S105 - its name
"""The secret that the example reads by default."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Script:
    """Options of a run.

    Attributes:
        repository: The checkout.
        example: The root module in the checkout.
        scratch: An empty folder for the working copy.
        binary: The Terraform command.
        environment: Environment variables for Terraform, besides those of the lab.
        pace: Lab seconds per real second.
        negative_control: Leave something behind, which must be counted.
    """

    repository: Path
    example: str
    scratch: Path
    binary: Path
    environment: dict[str, str]
    pace: float = PACE
    negative_control: bool = False


@dataclass(slots=True)
class Outcome:
    """The results of a run, which may be incomplete if a stage failed.

    Attributes:
        entries: The lab's timeline.
        panorama_history: Firewalls and commits that Panorama showed.
        phases: Named intervals of lab time, for the chart.
        loads: Lab time and number of sessions of each change of the load.
        target: Target value of the scaling policy that Terraform created, in percent.
        sessions_at_target: Sessions of one firewall at that target.
        administrator: The module's administrator on Panorama.
        leftovers: What the public APIs still show, by name; None if it was not counted.
    """

    entries: list[Entry] = field(default_factory=list)
    panorama_history: PanoramaHistory = field(default_factory=PanoramaHistory)
    phases: list[Phase] = field(default_factory=list)
    loads: list[tuple[float, int]] = field(default_factory=list)
    target: float = 0.0
    sessions_at_target: float = 0.0
    administrator: str = ""
    leftovers: dict[str, int] | None = None


class Scenario:
    """One run of the demonstration."""

    def __init__(self, runner: StageRunner, script: Script) -> None:
        self.outcome = Outcome()
        self._runner = runner
        self._script = script

    def run(self) -> Outcome:
        """Run all stages. `outcome` has the results so far even if a stage fails.

        Raises:
            StageError: A stage took too long.
            TerraformError: Terraform failed.
        """
        with ExitStack() as stack:
            stack.push(self._mark_failure)
            stage = self._runner.stage
            with stage(START, limit=90):
                self._open(stack)
            with stage(INIT, limit=120):
                self._run(self._workspace.init)
            with stage(APPLY, limit=300):
                self._apply()
            with stage(FIRST, limit=180):
                self._first()
            with stage(NORMAL, limit=120):
                self._change_load("normal load", NORMAL_SHARE)
                self._let_time_pass(8 * MINUTE)
            with stage(OUT, limit=300):
                self._change_load("wave of load: scale out", WAVE_SHARE)
                self._wait_for(LARGE)
                self._let_time_pass(8 * MINUTE)
            with stage(IN, limit=240):
                self._change_load("load drops: scale in", NORMAL_SHARE)
                self._wait_for(SMALL)
                self._let_time_pass(5 * MINUTE)
            with stage(DESTROY, limit=300):
                self._destroy()
            with stage(COUNT, limit=60):
                self._call_lab(self._observer.query_panorama)
                self.outcome.leftovers = asdict(self._call_lab(self._lab.leftovers))
        return self.outcome

    # The stages -------------------------------------------------------------------------------

    def _open(self, stack: ExitStack) -> None:
        lab = Lab()
        self._runner.call(lambda: stack.enter_context(lab), "the lab to start", lambda: None)
        self._lab = lab
        self._observer = Observer(lab, self._runner.board)
        self.outcome.entries = self._observer.entries
        self.outcome.panorama_history = self._observer.panorama_history
        self._runner.observe = self._observer.observe
        script = self._script
        self._workspace = Workspace.copy(
            script.repository,
            script.example,
            script.scratch / "repository",
            binary=script.binary,
            environment=script.environment | lab.aws.environment(),
        )
        self._call_lab(lambda: lab.pace(script.pace))

    def _apply(self) -> None:
        self._run(lambda: self._workspace.apply(limit=290, on_event=self._progress()))
        # An operator enters these commands once in Panorama, as the module's output says. Without
        # them, the firewalls publish no metrics and nothing scales.
        deployment = Deployment(self._lab, self._workspace, self._workspace.output())
        self._call_lab(deployment.configure_panorama)
        secrets = self._lab.aws.client("secretsmanager")
        secret = self._call_lab(lambda: secrets.get_secret_value(SecretId=PANORAMA_SECRET))
        self.outcome.administrator = json.loads(secret["SecretString"])["username"]

    def _first(self) -> None:
        self._wait_for(SMALL)
        launched = self._observer.happened("instance-launching")
        self._begin("first firewalls boot", min(entry.at for entry in launched))
        policies = self._call_lab(self._lab.aws.client("autoscaling").describe_policies)[
            "ScalingPolicies"
        ]
        self.outcome.target = next(
            policy["TargetTrackingConfiguration"]["TargetValue"]
            for policy in policies
            if "TargetTrackingConfiguration" in policy
        )
        largest = self._call_lab(self._lab.firewalls.describe)[0]["max_sessions"]
        self.outcome.sessions_at_target = largest * self.outcome.target / 100

    def _destroy(self) -> None:
        if self._script.negative_control:
            self._call_lab(lambda: negative_control.leave_behind(self._lab))
        # Lab time stands still while Terraform refreshes its state.
        self._call_lab(lambda: self._lab.pace(0))
        self._begin("destroy", self._call_lab(self._lab.now))
        progress = self._progress(lambda: self._lab.pace(self._script.pace))
        self._run(lambda: self._workspace.destroy(limit=290, on_event=progress))
        self._runner.refresh()
        gone = self._observer.happened("instance-terminated")
        self._end(max(entry.at for entry in gone))

    # Steps of the stages ----------------------------------------------------------------------

    def _call_lab(self, request: Callable[[], T]) -> T:
        """Call the lab; stop it if it does not respond in time."""
        return self._runner.call(request, "a response of the lab", self._lab.stop)

    def _run(self, command: Callable[[], None]) -> None:
        """Run a Terraform command; interrupt it if it does not end in time."""
        self._runner.call(command, "Terraform", self._workspace.interrupt)

    def _progress(self, begin: Callable[[], None] | None = None) -> Callable[[Event], None]:
        """Return a handler of Terraform's events that updates the note of the running stage.

        Args:
            begin: Called when Terraform starts its first change.
        """
        counts: Counter[str] = Counter()
        in_progress: dict[str, None] = {}

        def read(event: Event) -> None:
            kind = str(event.get("type"))
            subject = event.get("hook") or event.get("change") or {}
            if subject.get("action") == "read":
                return  # a data source
            address = subject.get("resource", {}).get("addr", "")
            counts[kind] += 1
            if kind == "apply_start":
                in_progress[address] = None
                if begin is not None and counts[kind] == 1:
                    begin()
            elif kind in {"apply_complete", "apply_errored"}:
                in_progress.pop(address, None)
                self._observer.add_line(str(event["@message"]).partition(" [id=")[0])
            oldest = next(iter(in_progress), "")
            self._runner.note(
                f"{counts['apply_complete']} of {counts['planned_change']} resources"
                + (f", {short(oldest)}" if oldest else "")
            )

        return read

    def _wait_for(self, number: int) -> None:
        """Wait until the group has exactly `number` firewalls, and all of them serve."""

        def settled() -> bool:
            moment = self._runner.board.moment
            members = moment.firewalls if moment else ()
            serving = sum(firewall.serving for firewall in members)
            self._runner.note(f"{serving} of {number} firewalls serve")
            return len(members) == serving == number and spread_evenly(members)

        self._runner.until(settled, f"{number} serving firewalls, spread evenly over the zones")
        self._runner.note(f"{number} firewalls serve")
        # Each event must be in the log of its stage.
        self._runner.refresh()
        self._call_lab(self._observer.query_panorama)

    def _let_time_pass(self, seconds: float) -> None:
        """Let lab time pass, so that the metrics and the chart show the new state."""
        end = self._call_lab(self._lab.now) + seconds

        def passed() -> bool:
            moment = self._runner.board.moment
            return moment is not None and moment.at >= end

        self._runner.until(passed, f"{seconds:.0f} seconds of lab time")

    def _change_load(self, phase: str, share: float) -> None:
        """Change the load, and begin a phase of the chart.

        Args:
            phase: Name of the phase.
            share: The load, as a share of what the small group carries at its target.
        """
        sessions = round(share * SMALL * self.outcome.sessions_at_target)

        def change() -> float:
            self._lab.offer_sessions(sessions)
            return self._lab.now()

        at = self._call_lab(change)
        self._observer.offered = sessions
        self.outcome.loads.append((at, sessions))
        self._begin(phase, at)

    def _begin(self, name: str, at: float) -> None:
        """Begin a phase of the chart, and end the phase before."""
        self._end(at)
        self.outcome.phases.append(Phase(name, at, at))

    def _end(self, at: float) -> None:
        phases = self.outcome.phases
        phases[-1:] = [replace(phase, end=at) for phase in phases[-1:]]

    def _mark_failure(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let the chart show everything up to a failure."""
        moment = self._runner.board.moment
        if kind is not None and moment is not None:
            self._end(moment.at)


def spread_evenly(firewalls: tuple[Firewall, ...]) -> bool:
    """Return whether no zone has two firewalls more than another."""
    counts = Counter(firewall.zone for firewall in firewalls).values()
    return max(counts) - min(counts) <= 1


def short(address: str) -> str:
    """Shorten a resource address to its last part: `aws_lb.this`."""
    return ".".join(address.split(".")[-2:])
