"""What the user has chosen, read from the environment and the variables file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

import tf_docs

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = ("one-arm", "two-arm")
RUN_TAG = "AcceptanceRun"
"""Tag of everything that a run creates; its value is the name of the run."""
DEFAULT_NAME = "acceptance"

_PLAIN = SerializationOptions(
    with_comments=False, explicit_blocks=False, strip_string_quotes=True, preserve_heredocs=False
)


class ChoiceError(Exception):
    """A choice is not possible. The text says what to change."""


@dataclass(frozen=True)
class Choices:
    """The choices for one run.

    Attributes:
        example: ``one-arm`` or ``two-arm``.
        on_aws: Whether to run against the account whose credentials are set, and not the lab.
        account: The account ID that the user expects; None if not given.
        yes: Whether to ask nothing.
        variables: Values of the example's input variables, from the user's file.
        answers: Answers for the lab to play, by name of the unsettled fact.
        plant: ``leftover`` leaves an Elastic IP address behind, so that the run must fail.
        output: Folder for the record.
    """

    example: str = "one-arm"
    on_aws: bool = False
    account: str | None = None
    yes: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    plant: str = ""
    output: Path = REPOSITORY / ".build" / "acceptance"


def read_choices(environ: Mapping[str, str]) -> Choices:
    """Return the choices that environment variables express.

    ``EXAMPLE``, ``VARS``, ``AWS``, ``ACCOUNT``, ``YES``, ``OUTPUT``, and for the lab ``ASSUME``
    (``name=answer,name=answer``) and ``PLANT``.

    Raises:
        ChoiceError: A value is not possible.
    """
    example = environ.get("EXAMPLE") or "one-arm"
    if example not in EXAMPLES:
        raise ChoiceError(f"EXAMPLE is {' or '.join(EXAMPLES)}, not {example!r}.")
    on_aws = _switch(environ, "AWS")
    account = environ.get("ACCOUNT") or None
    if account is not None and not (len(account) == 12 and account.isdecimal()):
        raise ChoiceError("ACCOUNT is the 12 digits of an account ID.")
    answers = _answers(environ.get("ASSUME") or "")
    plant = environ.get("PLANT") or ""
    if on_aws and (answers or plant):
        raise ChoiceError("ASSUME and PLANT are for the lab only. Unset them, or unset AWS.")
    if plant not in {"", "leftover"}:
        raise ChoiceError("PLANT is leftover, or is not set.")
    output = environ.get("OUTPUT") or ""
    return Choices(
        example=example,
        on_aws=on_aws,
        account=account,
        yes=_switch(environ, "YES"),
        variables=read_variables(environ.get("VARS") or ""),
        answers=answers,
        plant=plant,
        output=Path(output) if output else Choices.output,
    )


def _switch(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name) or "0"
    if value not in {"0", "1"}:
        raise ChoiceError(f"{name} is 1 or 0, not {value!r}.")
    return value == "1"


def _answers(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(name and answer for name, _, answer in pairs):
        raise ChoiceError("ASSUME is a list such as name=answer,name=answer.")
    return {name: answer for name, _, answer in pairs}


def read_variables(file: str) -> dict[str, Any]:
    """Return the values in a ``.tfvars`` or ``.tfvars.json`` file; nothing for an empty name.

    Raises:
        ChoiceError: There is no such file, or it cannot be read.
    """
    if not file:
        return {}
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            values = json.loads(text)
        else:
            values = hcl2.loads(text, serialization_options=_PLAIN)
    except OSError as error:
        raise ChoiceError(f"VARS: {file} cannot be read: {error.strerror}.") from None
    except Exception:  # noqa: BLE001 - the parser's errors have no common base
        # The parser's message quotes the file, which can contain a secret.
        raise ChoiceError(f"VARS: {file} is not a valid .tfvars or .tfvars.json file.") from None
    if not isinstance(values, dict):
        raise ChoiceError(f"VARS: {file} has no variables.")
    return values


@dataclass(frozen=True)
class Plan:
    """The effective values of the example's variables that the run needs.

    Attributes:
        name: Name of the deployment.
        region: AWS Region.
        minimum: Minimum number of firewalls, which the run starts with.
        maximum: Maximum number of firewalls.
        instance_type: EC2 instance type of the firewalls.
        panos_version: PAN-OS version; empty if the example takes the image from elsewhere.
        license_type: ``byol``, ``bundle1`` or ``bundle2``.
        secrets: Names of the secrets, by what they are for.
        panorama_hostnames: Host names of Panorama.
        public_interfaces: Elastic IP addresses of each firewall.
        variables: Everything to pass to Terraform.
    """

    name: str
    region: str
    minimum: int
    maximum: int
    instance_type: str
    panos_version: str
    license_type: str
    secrets: Mapping[str, str]
    panorama_hostnames: tuple[str, ...]
    public_interfaces: int
    variables: Mapping[str, Any]


def make_plan(choices: Choices, run_name: str, region: str | None = None) -> Plan:
    """Merge the user's values with the example's defaults and the tag of the run.

    Args:
        choices: The choices.
        run_name: Name of the run, for its tag.
        region: Region of the account, for an example whose variable has no value from the user.

    Raises:
        ChoiceError: A value does not fit the example.
    """
    defaults = example_defaults(choices.example)
    unknown = sorted(choices.variables.keys() - defaults.keys())
    if unknown:
        raise ChoiceError(f"VARS: examples/{choices.example} has no variable {', '.join(unknown)}.")
    given = dict(choices.variables)
    given.setdefault("name", DEFAULT_NAME)
    if region is not None:
        given.setdefault("region", region)
    given["tags"] = {**defaults["tags"], **given.get("tags", {}), RUN_TAG: run_name}
    values = {
        name: {**default, **(given.get(name) or {})}
        if isinstance(default, dict)
        else given.get(name, default)
        for name, default in defaults.items()
    }
    capacity, firewall, panorama = values["capacity"], values["firewall"], values["panorama"]
    if capacity["max"] <= capacity["min"]:
        raise ChoiceError("VARS: capacity.max must exceed capacity.min: the run adds a firewall.")
    secrets = {
        "panorama": panorama.get("secret_name"),
        "licensing": values.get("licensing_secret_name"),
        "bootstrap": None if values.get("bootstrap_keys") else values.get("bootstrap_secret_name"),
    }
    return Plan(
        name=str(values["name"]),
        region=str(values["region"]),
        minimum=int(capacity["min"]),
        maximum=int(capacity["max"]),
        instance_type=str(firewall.get("instance_type")),
        panos_version=str(firewall.get("panos_version") or ""),
        license_type=str(firewall.get("license_type") or "byol"),
        secrets={kind: str(name) for kind, name in secrets.items() if name},
        panorama_hostnames=tuple(panorama.get("hostnames") or ()),
        public_interfaces=1 if choices.example == "two-arm" else 0,
        variables=given,
    )


def example_defaults(example: str) -> dict[str, Any]:
    """Return the default of each variable of an example, with those of an object's attributes."""
    found: dict[str, Any] = {}
    for variable in tf_docs.read_module(REPOSITORY / "examples" / example).inputs:
        default = None if variable.default is None else _value(variable.default)
        if isinstance(default, dict) and variable.type.startswith("object("):
            attributes = {
                attribute.key: _value(attribute.default)
                for attribute in tf_docs.attributes(variable.type)
                if attribute.default is not None and "." not in attribute.path
            }
            default = {**attributes, **default}
        found[variable.name] = default
    return found


def _value(source: str) -> Any:
    """Return the value of a literal in HCL."""
    return hcl2.loads(f"value = {source}\n", serialization_options=_PLAIN)["value"]
