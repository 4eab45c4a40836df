"""The story: an example is applied, a wave of load comes and goes, the example is destroyed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from vmseries_lab.client import Lab
from vmseries_lab.demo import plant
from vmseries_lab.demo.conductor import Conductor
from vmseries_lab.demo.model import Firewall, Phase
from vmseries_lab.demo.observer import Observer
from vmseries_lab.terraform import Event, Workspace
from vmseries_lab.timeline import Entry

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
        plant: leave something behind, to see it counted.
    """

    repository: Path
    example: str
    scratch: Path
    binary: Path
    environment: dict[str, str]
    pace: float = 60.0
    plant: bool = False


@dataclass(slots=True)
class Outcome:
    """What the run left, as far as it came.

    Attributes:
        entries: the lab's timeline.
        phases: the stretches of lab time, for the picture.
        target: the target of the scaling policy that Terraform wrote, in percent.
        sessions_at_target: sessions of one firewall at that target.
        administrator: the module's administrator on Panorama.
        leftovers: what the public APIs still show, by name; None if it was never counted.
    """

    entries: list[Entry] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
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
            with self._conductor.stage(START, limit=60):
                self._open(stack)
            self._terraform(INIT, 60, self._workspace.init)
            with self._conductor.stage(APPLY, limit=210):
                self._apply()
            with self._conductor.stage(FIRST, limit=120):
                self._first()
            with self._conductor.stage(NORMAL, limit=60):
                self._normal()
            with self._conductor.stage(OUT, limit=150):
                self._scale_out()
            with self._conductor.stage(IN, limit=150):
                self._scale_in()
            with self._conductor.stage(DESTROY, limit=180):
                if self._script.plant:
                    self._ask(lambda: plant.leave_behind(self._lab))
                self._destroy()
            with self._conductor.stage(COUNT, limit=30):
                self._count()
        return self.outcome

    # The stages -------------------------------------------------------------------------------

    def _open(self, stack: ExitStack) -> None:
        lab = Lab()
        self._conductor.call(lambda: stack.enter_context(lab), "the lab's server", lambda: None)
        self._lab = lab
        self._observer = Observer(lab, self._conductor.board)
        self.outcome.entries = self._observer.entries
        self._conductor.look = self._observer.look
        script = self._script
        self._workspace = Workspace.copy(
            script.repository,
            script.example,
            script.scratch / "repository",
            binary=script.binary,
            environment=script.environment | lab.environment(),
        )
        self._ask(lambda: lab.pace(script.pace))
        self._conductor.board.pace = script.pace

    def _apply(self) -> None:
        self._run(lambda: self._workspace.apply(limit=200, on_event=self._progress()))
        # What an operator has to do once in Panorama, as the module's output says it: without it
        # the firewalls publish no metrics and nothing scales.
        commands = self._workspace.output()["panorama_set_commands"]
        self._ask(lambda: self._lab.panorama_cli(commands))
        secrets = self._lab.client("secretsmanager")
        secret = self._ask(lambda: secrets.get_secret_value(SecretId=PANORAMA_SECRET))
        self.outcome.administrator = json.loads(secret["SecretString"])["username"]

    def _first(self) -> None:
        self._wait_for(SMALL)
        self._phase("first firewalls boot", since=self._first_launch())
        policies = self._ask(self._lab.client("autoscaling").describe_policies)["ScalingPolicies"]
        self.outcome.target = next(
            policy["TargetTrackingConfiguration"]["TargetValue"]
            for policy in policies
            if "TargetTrackingConfiguration" in policy
        )
        largest = self._ask(self._lab.firewalls)[0]["max_sessions"]
        self.outcome.sessions_at_target = largest * self.outcome.target / 100

    def _normal(self) -> None:
        self._offer(NORMAL_SHARE)
        self._let_pass(8 * MINUTE)
        self._phase("normal load")

    def _scale_out(self) -> None:
        self._offer(WAVE_SHARE)
        self._wait_for(LARGE)
        self._let_pass(8 * MINUTE)
        self._phase("wave: scale out")

    def _scale_in(self) -> None:
        self._offer(NORMAL_SHARE)
        self._wait_for(SMALL)
        self._let_pass(5 * MINUTE)
        self._phase("load gone: scale in")

    def _destroy(self) -> None:
        self._run(lambda: self._workspace.destroy(limit=170, on_event=self._progress()))
        self._offer(0)
        self._phase("destroy", until=self._last_termination())

    def _count(self) -> None:
        self.outcome.leftovers = asdict(self._ask(self._lab.leftovers))

    # What they are made of --------------------------------------------------------------------

    def _terraform(self, name: str, limit: float, command: Callable[[], None]) -> None:
        with self._conductor.stage(name, limit):
            self._run(command)

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask the lab something; a lab that does not answer is stopped, never waited for."""
        return self._conductor.call(question, "an answer of the lab", self._lab.stop)

    def _run(self, command: Callable[[], None]) -> None:
        """Run a Terraform command; stopped early, it is interrupted, never abandoned."""
        self._conductor.call(command, "Terraform", self._workspace.interrupt)

    def _progress(self) -> Callable[[Event], None]:
        """Return a reader of Terraform's output that keeps the running stage's note."""
        counts: Counter[str] = Counter()
        under_way: dict[str, None] = {}

        def read(event: Event) -> None:
            kind = str(event.get("type"))
            hook = event.get("hook", {})
            if hook.get("action") == "read":
                return  # a data source
            address = hook.get("resource", {}).get("addr", "")
            counts[kind] += 1
            if kind == "apply_start":
                under_way[address] = None
            elif kind in {"apply_complete", "apply_errored"}:
                under_way.pop(address, None)
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
            self._conductor.note(f"{serving} of {number} serve")
            return len(members) == serving == number and spread_evenly(members)

        self._conductor.until(settled, f"{number} firewalls that serve, evenly over the zones")
        self._conductor.note(f"{number} serve")

    def _let_pass(self, seconds: float) -> None:
        """Let lab time pass, so that the metrics and the picture show the new state."""
        end = self._ask(self._lab.now) + seconds

        def passed() -> bool:
            moment = self._conductor.board.moment
            return moment is not None and moment.at >= end

        self._conductor.until(passed, f"{seconds:.0f} seconds of lab time")

    def _offer(self, share: float) -> None:
        """Change the load, given in parts of what the small group carries at its target."""
        sessions = round(share * SMALL * self.outcome.sessions_at_target)
        self._ask(lambda: self._lab.traffic(sessions))
        self._observer.offered = sessions

    def _phase(self, name: str, *, since: float | None = None, until: float | None = None) -> None:
        """Close a phase of the picture at this moment (or at `until`)."""
        phases = self.outcome.phases
        start = since if since is not None else phases[-1].end
        phases.append(Phase(name, start, until if until is not None else self._ask(self._lab.now)))

    def _mark_failure(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let the picture show what came after the last phase that was reached."""
        moment = self._conductor.board.moment
        if kind is not None and self.outcome.phases and moment is not None:
            self._phase("failed", until=moment.at)

    def _first_launch(self) -> float:
        return min(entry.at for entry in self._observer.happened("instance-launching"))

    def _last_termination(self) -> float:
        return max(entry.at for entry in self._observer.happened("instance-terminated"))


def spread_evenly(firewalls: tuple[Firewall, ...]) -> bool:
    """Whether no zone has two firewalls more than another."""
    counts = Counter(firewall.zone for firewall in firewalls).values()
    return max(counts) - min(counts) <= 1


def short(address: str) -> str:
    """Shorten a resource address to its last part: `aws_lb.this`."""
    return ".".join(address.split(".")[-2:])
