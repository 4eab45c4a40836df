"""One run: the deployment, what was seen of it, and how it ends."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from acceptance import recorders
from acceptance.account import MINUTE, Account
from acceptance.choices import REPOSITORY, RUN_TAG, Choices, Plan
from acceptance.facts import Evidence
from acceptance.history import History, Snapshot
from acceptance.panorama import Panorama, PanoramaError, connect
from acceptance.report import Phase
from acceptance.sweep import Remains, remains
from acceptance.verdicts import Verdict, judge, record_all, unrecorded
from tf_setup import terraform_environment
from vmseries_scenarios.deployment import Group, copy_root
from vmseries_scenarios.terraform import TerraformError, Workspace

APPLY_LIMIT_MINUTES = 60
LAUNCH_LIMIT_MINUTES = 120
"""A launch has 45 minutes by default, and Auto Scaling replaces a firewall that fails."""
LEAVE_LIMIT_MINUTES = 120
DESTROY_LIMIT_MINUTES = 180
LOOK_SECONDS = 30.0
"""Time between two looks."""
SHORT_LOOK_SECONDS = 5.0
"""The same for states that last for seconds."""
STANDBY_LIMIT_MINUTES = 60
WATCH_MINUTES = 4
"""How long to watch after a phase: metrics arrive, and EC2 shows terminated instances."""
DESTROY_ATTEMPTS = 3
SWEEPS = 3
GRACE_SECONDS = 600.0
"""How long an interrupted Terraform may take to write its state on AWS."""


class RunError(Exception):
    """A phase did not end as it should. The text is for the user."""


class Run:
    """A run of one example in one account.

    Attributes:
        account: The account.
        choices: The user's choices.
        plan: The effective values of the example.
        name: Value of the run's tag.
        folder: Everything that the run writes, with the state of Terraform.
        outputs: The outputs of the example, once it is applied.
        phases: What happened, in order.
        verdicts: What is known about each fact.
        recordings: Neutral answers of Panorama, by the phase in which they were recorded.
        say: Prints a line.
    """

    def __init__(
        self,
        account: Account,
        choices: Choices,
        plan: Plan,
        name: str,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self.account, self.choices, self.plan = account, choices, plan
        self.name, self.folder, self.say = name, folder, say
        self.outputs: dict[str, Any] = {}
        self.phases: list[Phase] = []
        self.verdicts: list[Verdict] = []
        self.recordings: dict[str, dict[str, Any]] = {}
        self.history: History | None = None
        self.panorama_state = "not asked"
        self._workspace: Workspace | None = None

    # -- Terraform ---------------------------------------------------------------------------------

    @property
    def root(self) -> Path:
        """The working copy of the example."""
        return self.folder / "repository" / "examples" / self.choices.example

    @property
    def state_file(self) -> Path:
        """The state of Terraform."""
        return self.root / "terraform.tfstate"

    def prepare(self) -> None:
        """Copy the module, write the variables, and initialize the copy."""
        environment = self.account.environment()
        root = f"examples/{self.choices.example}"
        self._workspace = copy_root(environment, root, self.folder / "repository")
        if not self.account.is_lab:
            self._workspace.grace_seconds = GRACE_SECONDS
        # A file, because arguments are visible to every user of the machine.
        variables = self.root / "acceptance.auto.tfvars.json"
        variables.touch(mode=0o600)
        variables.write_text(json.dumps(self.plan.variables), encoding="utf-8")

    def apply(self) -> None:
        """Apply the example, and read its outputs."""
        workspace = self._workspace
        if workspace is None:
            raise RunError("the example was not prepared")
        with self.phase("apply"), self.account.terraform_works():
            workspace.apply(limit=APPLY_LIMIT_MINUTES * MINUTE)
        self.outputs = workspace.output()

    def tools(self) -> dict[str, str]:
        """Return the versions of Terraform and of the provider."""
        binary = str(terraform_environment().binary)
        shown = subprocess.run(
            [binary, "version", "-json"], cwd=self.root, capture_output=True, text=True, check=False
        )
        try:
            facts = json.loads(shown.stdout)
        except ValueError:
            return {}
        providers = {
            name.rpartition("/")[2]: version
            for name, version in facts.get("provider_selections", {}).items()
        }
        versions = {"Terraform": str(facts.get("terraform_version", "unknown"))}
        return versions | {f"Provider {name}": str(v) for name, v in providers.items()}

    def has_state(self) -> bool:
        """Return whether Terraform's state has resources."""
        if not self.state_file.exists():
            return False
        try:
            resources = json.loads(self.state_file.read_text(encoding="utf-8")).get("resources")
        except ValueError:
            return True
        return bool(resources)

    def destroy(self) -> None:
        """Destroy everything.

        Raises:
            TerraformError: Terraform failed.
        """
        tools = terraform_environment()
        # A new workspace: an interrupted command has ended the provider of the other one.
        workspace = Workspace(
            self.root,
            binary=tools.binary,
            environment={**tools.environment, **self.account.environment()},
        )
        if not self.account.is_lab:
            workspace.grace_seconds = GRACE_SECONDS
        with self.account.terraform_works():
            workspace.destroy(limit=DESTROY_LIMIT_MINUTES * MINUTE)

    def clean_up(self) -> Remains:
        """Destroy what the phases have left, repeatedly, and list what remains after that."""
        for attempt in range(1, DESTROY_ATTEMPTS + 1):
            if not self.has_state():
                break
            self.say(f"Cleaning up: terraform destroy, attempt {attempt} of {DESTROY_ATTEMPTS}")
            try:
                with self.phase(f"clean up {attempt}"):
                    self.destroy()
            except TerraformError as error:
                self.say(str(error))
                self.account.clock.wait(MINUTE)
        left = Remains()
        for _ in range(SWEEPS):
            left = remains(self.account, self.name, self.plan.name)
            if not left.found:
                break
            self.account.clock.wait(MINUTE)
        return left

    # -- Phases ------------------------------------------------------------------------------------

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase, and note why it failed."""
        start = self.account.clock.now()
        self.say(f"Phase: {name}")
        problem = "interrupted"
        try:
            yield
            problem = ""
        except Exception as error:
            problem = (
                str(error).strip().splitlines()[0][:300] if str(error) else type(error).__name__
            )
            raise
        finally:
            minutes = (self.account.clock.now() - start) / MINUTE
            self.phases.append(Phase(name, minutes, problem))

    @property
    def group(self) -> Group:
        """The Auto Scaling group."""
        return Group(self.account, self.outputs["autoscaling_group"]["name"])

    def start_watching(self) -> None:
        """Begin to keep what is seen, with Panorama if it answers this machine."""
        self.history = History(self.account, self.group, self._panorama())

    def _panorama(self) -> Panorama | None:
        secret = self.plan.secrets.get("panorama")
        try:
            found = connect(self.account, self.plan.panorama_hostnames, secret)
        except PanoramaError as error:
            self.panorama_state = str(error)
            self.say(f"Panorama {error}; facts about it stay open.")
            return None
        self.panorama_state = "answers the machine of the run"
        return found

    def look(self, phase: str) -> Snapshot:
        """Look once."""
        if self.history is None:
            raise RunError("nothing is watched yet")
        return self.history.look(phase)

    def watch(
        self,
        phase: str,
        reached: Callable[[Snapshot], bool],
        what: str,
        minutes: float,
        every: float = LOOK_SECONDS,
    ) -> None:
        """Look again and again, ``every`` so many seconds, until something is reached.

        Raises:
            RunError: It was not reached in time.
        """
        start = self.account.clock.now()
        shown = ""
        while True:
            snapshot = self.look(phase)
            states = ", ".join(sorted(snapshot.members.values())) or "no instance"
            if states != shown:
                shown = states
                self.say(f"  {(snapshot.time - start) / MINUTE:5.1f} min  {states}")
            if reached(snapshot):
                return
            if snapshot.time - start > minutes * MINUTE:
                raise RunError(f"not after {minutes:.0f} minutes: {what}; the group has {states}")
            self.account.clock.wait(every)

    def watch_for(self, phase: str, minutes: float) -> None:
        """Look for a while."""
        for _ in range(int(minutes * MINUTE / LOOK_SECONDS)):
            self.account.clock.wait(LOOK_SECONDS)
            self.look(phase)

    def set_alarms(self, *, active: bool) -> None:
        """Let the scaling policies act, or not: they would undo what the run does without load."""
        autoscaling = self.account.client("autoscaling")
        change = autoscaling.resume_processes if active else autoscaling.suspend_processes
        change(AutoScalingGroupName=self.group.name, ScalingProcesses=["AlarmNotification"])

    def move_to_standby(self, instance_id: str, *, back: bool = False) -> None:
        """Move a firewall to standby without a replacement, or back into service."""
        autoscaling, group = self.account.client("autoscaling"), self.group.name
        if back:
            autoscaling.exit_standby(AutoScalingGroupName=group, InstanceIds=[instance_id])
            return
        autoscaling.enter_standby(
            AutoScalingGroupName=group,
            InstanceIds=[instance_id],
            ShouldDecrementDesiredCapacity=True,
        )

    def preflight_problems(self) -> list[str]:
        """Return what the functions' pre-flight check reports."""
        problems = []
        for function in self.outputs["functions"]:
            content = self._invoke(function, "validate")
            problems += [f"{function}: {sentence}" for sentence in content["problems"]]
        return problems

    def record_answers(self, phase: str) -> None:
        """Let the reconcile function record what Panorama answers now, in neutral values."""
        content = self._invoke("reconcile", "record")
        for problem in content.get("problems", ()):
            self.say(f"  Panorama's answers are not recorded: {problem}")
        self.recordings[phase] = content

    def _invoke(self, function: str, action: str) -> dict[str, Any]:
        """Return the answer of a function to an action; a failure is its only problem."""
        answer = self.account.client("lambda").invoke(
            FunctionName=self.outputs["functions"][function]["name"],
            Payload=json.dumps({"action": action}),
        )
        content: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            return {"problems": [f"the function failed ({content.get('errorType')})"]}
        return content

    def record(self) -> None:
        """Record the answers to the unsettled facts."""
        evidence = Evidence(
            self.account,
            self.plan,
            self.outputs,
            self.history.snapshots if self.history else (),
            self.history.panorama if self.history else None,
            self.name,
            self.recordings,
        )
        self.say("Recording the answers to unsettled facts")
        self.verdicts = record_all(recorders.FACTS, evidence, recorders.NOT_RECORDED)

    def leave_open(self, reason: str) -> None:
        """Say of each fact that it was not recorded."""
        played = self.account.played()
        self.verdicts = [
            judge(fact, None, reason, played.get(fact.name)) for fact in recorders.FACTS
        ] + unrecorded(recorders.NOT_RECORDED, played)

    def plant_leftover(self) -> None:
        """Leave an Elastic IP address behind, for the test of the sweep."""
        tags = [{"Key": RUN_TAG, "Value": self.name}]
        self.account.client("ec2").allocate_address(
            Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}]
        )


def module_version() -> str:
    """Return the version of the module, as git describes it."""
    try:
        shown = subprocess.run(
            ["git", "describe", "--tags", "--always", "--dirty"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return shown.stdout.strip()


def secret_texts(account: Account, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each secret value that the run can have read, with what it is."""
    public = {"username", "ca_bundle"}
    for kind, name in plan.secrets.items():
        try:
            text = account.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
            content = json.loads(text)
        except (ClientError, BotoCoreError, KeyError, ValueError):
            continue
        for key, value in content.items():
            secret = (
                key in {"vm-auth-key", "authcodes"} if kind == "bootstrap" else key not in public
            )
            if secret:
                yield f"{kind}: {key}", str(value)
    for key, value in (plan.variables.get("bootstrap_keys") or {}).items():
        yield f"bootstrap_keys: {key}", str(value)
    for name, value in account.environment().items():
        if name in {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}:
            yield name, value
