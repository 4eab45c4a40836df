"""The story: an example is applied, a wave of load comes and goes, the example is destroyed."""

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
from vmseries_scenarios.demo.panorama_history import Ledger
from vmseries_scenarios.demo.stage_runner import Conductor
from vmseries_scenarios.terraform import Event, Workspace

START = "start the lab"
INIT = "terraform init"
APPLY = "terraform apply"
FIRST = "first firewalls join"
NORMAL = "normal load"
OUT = "wave of load: scale out"
IN = "load gone: scale in"
DESTROY = "terraform destroy"
COUNT = "count what is left"
STAGES = (START, INIT, APPLY, FIRST, NORMAL, OUT, IN, DESTROY, COUNT)

SMALL, LARGE = 3, 6
"""Firewalls before and after the wave: one, then two in each of three zones."""

NORMAL_SHARE = 0.65
"""Normal load, in parts of what three firewalls carry at their target."""

WAVE_SHARE = 1.9
"""The wave, in the same measure: six firewalls are needed for it, five are not enough."""

MINUTE = 60.0

PACE = 200.0
"""Lab seconds per real second, at most: while work is in flight the lab's clock holds still."""

PANORAMA_SECRET = "vmseries-autoscale/panorama"  # noqa: S105 - its name
"""The secret that the example reads by default."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Script:
    """How to play it.

    Attributes:
        repository: the checkout.
        example: the root module in it.
        scratch: an empty folder for the working copy.
        binary: the Terraform command.
        environment: what Terraform needs besides the lab's own.
        pace: lab seconds per real second.
        negative_control: leave something behind, to see it counted.
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
    """What the run left, as far as it came.

    Attributes:
        entries: the lab's timeline.
        ledger: the serial numbers and commits that Panorama showed.
        phases: the stretches of lab time, for the picture.
        loads: when the load changed, and to how many sessions.
        target: the target of the scaling policy that Terraform wrote, in percent.
        sessions_at_target: sessions of one firewall at that target.
        administrator: the module's administrator on Panorama.
        leftovers: what the public APIs still show, by name; None if it was never counted.
    """

    entries: list[Entry] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    phases: list[Phase] = field(default_factory=list)
    loads: list[tuple[float, int]] = field(default_factory=list)
    target: float = 0.0
    sessions_at_target: float = 0.0
    administrator: str = ""
    leftovers: dict[str, int] | None = None


class Scenario:
    """One performance."""

    def __init__(self, conductor: Conductor, script: Script) -> None:
        self.outcome = Outcome()
        self._conductor = conductor
        self._script = script

    def perform(self) -> Outcome:
        """Play all stages; `outcome` holds what there is even if one of them fails.

        Raises:
            StageError: a stage took too long.
            TerraformError: Terraform failed.
        """
        with ExitStack() as stack:
            stack.push(self._mark_failure)
            stage = self._conductor.stage
            with stage(START, limit=90):
                self._open(stack)
            with stage(INIT, limit=120):
                self._run(self._workspace.init)
            with stage(APPLY, limit=300):
                self._apply()
            with stage(FIRST, limit=180):
                self._first()
            with stage(NORMAL, limit=120):
                self._turn("normal load", NORMAL_SHARE)
                self._let_pass(8 * MINUTE)
            with stage(OUT, limit=300):
                self._turn("wave of load: scale out", WAVE_SHARE)
                self._wait_for(LARGE)
                self._let_pass(8 * MINUTE)
            with stage(IN, limit=240):
                self._turn("load gone: scale in", NORMAL_SHARE)
                self._wait_for(SMALL)
                self._let_pass(5 * MINUTE)
            with stage(DESTROY, limit=300):
                self._destroy()
            with stage(COUNT, limit=60):
                self._ask(self._observer.ask_panorama)
                self.outcome.leftovers = asdict(self._ask(self._lab.leftovers))
        return self.outcome

    # The stages -------------------------------------------------------------------------------

    def _open(self, stack: ExitStack) -> None:
        lab = Lab()
        self._conductor.call(lambda: stack.enter_context(lab), "the lab's server", lambda: None)
        self._lab = lab
        self._observer = Observer(lab, self._conductor.board)
        self.outcome.entries = self._observer.entries
        self.outcome.ledger = self._observer.ledger
        self._conductor.look = self._observer.look
        script = self._script
        self._workspace = Workspace.copy(
            script.repository,
            script.example,
            script.scratch / "repository",
            binary=script.binary,
            environment=script.environment | lab.aws.environment(),
        )
        self._ask(lambda: lab.pace(script.pace))

    def _apply(self) -> None:
        self._run(lambda: self._workspace.apply(limit=290, on_event=self._progress()))
        # What an operator has to do once in Panorama, as the module's output says it: without it
        # the firewalls publish no metrics and nothing scales.
        commands = self._workspace.output()["panorama_set_commands"]
        self._ask(lambda: self._lab.panorama.run_commands(commands))
        secrets = self._lab.aws.client("secretsmanager")
        secret = self._ask(lambda: secrets.get_secret_value(SecretId=PANORAMA_SECRET))
        self.outcome.administrator = json.loads(secret["SecretString"])["username"]

    def _first(self) -> None:
        self._wait_for(SMALL)
        launched = self._observer.happened("instance-launching")
        self._begin("first firewalls boot", min(entry.at for entry in launched))
        autoscaling = self._lab.aws.client("autoscaling")
        policies = self._ask(autoscaling.describe_policies)["ScalingPolicies"]
        self.outcome.target = next(
            policy["TargetTrackingConfiguration"]["TargetValue"]
            for policy in policies
            if "TargetTrackingConfiguration" in policy
        )
        largest = self._ask(self._lab.firewalls.describe)[0]["max_sessions"]
        self.outcome.sessions_at_target = largest * self.outcome.target / 100

    def _destroy(self) -> None:
        if self._script.negative_control:
            self._ask(lambda: negative_control.leave_behind(self._lab))
        # No lab time is spent while Terraform reads what there is.
        self._ask(lambda: self._lab.pace(0))
        self._begin("destroy", self._ask(self._lab.now))
        progress = self._progress(lambda: self._lab.pace(self._script.pace))
        self._run(lambda: self._workspace.destroy(limit=290, on_event=progress))
        self._conductor.refresh()
        gone = self._observer.happened("instance-terminated")
        self._end(max(entry.at for entry in gone))

    # What they are made of --------------------------------------------------------------------

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask the lab something; a lab that does not answer is stopped, never waited for."""
        return self._conductor.call(question, "an answer of the lab", self._lab.stop)

    def _run(self, command: Callable[[], None]) -> None:
        """Run a Terraform command; stopped early, it is interrupted, never abandoned."""
        self._conductor.call(command, "Terraform", self._workspace.interrupt)

    def _progress(self, begin: Callable[[], None] | None = None) -> Callable[[Event], None]:
        """Return a reader of Terraform's output that keeps the running stage's note.

        Args:
            begin: called when Terraform begins with its first change.
        """
        counts: Counter[str] = Counter()
        under_way: dict[str, None] = {}

        def read(event: Event) -> None:
            kind = str(event.get("type"))
            subject = event.get("hook") or event.get("change") or {}
            if subject.get("action") == "read":
                return  # a data source
            address = subject.get("resource", {}).get("addr", "")
            counts[kind] += 1
            if kind == "apply_start":
                under_way[address] = None
                if begin is not None and counts[kind] == 1:
                    begin()
            elif kind in {"apply_complete", "apply_errored"}:
                under_way.pop(address, None)
                self._observer.tell(str(event["@message"]).partition(" [id=")[0])
            oldest = next(iter(under_way), "")
            self._conductor.note(
                f"{counts['apply_complete']} of {counts['planned_change']} resources"
                + (f", {short(oldest)}" if oldest else "")
            )

        return read

    def _wait_for(self, number: int) -> None:
        """Wait until exactly so many firewalls are in the group and all of them serve."""

        def settled() -> bool:
            moment = self._conductor.board.moment
            members = moment.firewalls if moment else ()
            serving = sum(firewall.serving for firewall in members)
            self._conductor.note(f"{serving} serve, {number} wanted")
            return len(members) == serving == number and spread_evenly(members)

        self._conductor.until(settled, f"{number} firewalls that serve, evenly over the zones")
        self._conductor.note(f"{number} serve")
        # The event log belongs to the stage in which it happened.
        self._conductor.refresh()
        self._ask(self._observer.ask_panorama)

    def _let_pass(self, seconds: float) -> None:
        """Let lab time pass, so that the metrics and the picture show the new state."""
        end = self._ask(self._lab.now) + seconds

        def passed() -> bool:
            moment = self._conductor.board.moment
            return moment is not None and moment.at >= end

        self._conductor.until(passed, f"{seconds:.0f} seconds of lab time")

    def _turn(self, phase: str, share: float) -> None:
        """Change the load, and with it the phase of the picture.

        Args:
            phase: its name.
            share: the load in parts of what the small group carries at its target.
        """
        sessions = round(share * SMALL * self.outcome.sessions_at_target)

        def change() -> float:
            self._lab.offer_sessions(sessions)
            return self._lab.now()

        at = self._ask(change)
        self._observer.offered = sessions
        self.outcome.loads.append((at, sessions))
        self._begin(phase, at)

    def _begin(self, name: str, at: float) -> None:
        """Begin a phase of the picture, which ends the one before."""
        self._end(at)
        self.outcome.phases.append(Phase(name, at, at))

    def _end(self, at: float) -> None:
        phases = self.outcome.phases
        phases[-1:] = [replace(phase, end=at) for phase in phases[-1:]]

    def _mark_failure(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let the picture show everything up to a failure."""
        moment = self._conductor.board.moment
        if kind is not None and moment is not None:
            self._end(moment.at)


def spread_evenly(firewalls: tuple[Firewall, ...]) -> bool:
    """Whether no zone has two firewalls more than another."""
    counts = Counter(firewall.zone for firewall in firewalls).values()
    return max(counts) - min(counts) <= 1


def short(address: str) -> str:
    """Shorten a resource address to its last part: `aws_lb.this`."""
    return ".".join(address.split(".")[-2:])
