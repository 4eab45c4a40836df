"""What must be right before anything is made. Each problem is a sentence with what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.account import Account
from acceptance.choices import Choices, Plan
from acceptance.cost import elastic_addresses
from acceptance.sweep import remains

PRODUCT_CODES = {
    "byol": "6njl1pau431dv1qxipg63mvah",
    "bundle1": "e9yfvyj3uag5uo5j2hjikv74n",
    "bundle2": "hd44w1chf26uv4p52cdynb2o",
}
"""Of VM-Series in AWS Marketplace, as in modules/firewall-group/image.tf."""
ADDRESS_QUOTA, CPU_QUOTA = "L-0263D0A3", "L-1216C47A"
"""Elastic IP addresses; virtual CPUs of on-demand standard instances.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-resource-limits.html"""
CREDENTIALS = ({"api_key"}, {"username", "password"})


@dataclass
class Checked:
    """The result of the checks.

    Attributes:
        problems: What must be changed before the run.
        unchecked: What could not be checked, and does not stop the run.
    """

    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def check(account: Account, choices: Choices, plan: Plan, run_name: str) -> Checked:
    """Check everything, and return all problems at once. Nothing is changed."""
    checked = Checked()
    checked.problems += place_problems(choices, plan, account.account_id(), account.region)
    if checked.problems:
        return checked  # The rest would look at the wrong place.
    for kind, name in plan.secrets.items():
        checked.problems += _secret_problems(account, kind, name)
    left = remains(account, run_name, plan.name)
    for kind, names in left.found.items():
        checked.problems.append(
            f"The account has {kind} named or tagged {plan.name} ({', '.join(names[:3])}). "
            "Choose another name in VARS, or remove them."
        )
    checked.unchecked += [f"whether the account has {kind} of this name" for kind in left.unsure]
    _image(account, plan, checked)
    _quotas(account, plan, checked)
    return checked


def place_problems(choices: Choices, plan: Plan, account_id: str, region: str) -> list[str]:
    """Return what is wrong with account and Region."""
    problems = []
    if choices.account is not None and choices.account != account_id:
        problems.append(
            f"ACCOUNT is {choices.account}, but the credentials belong to {account_id}. "
            "Use the credentials of the account that you mean."
        )
    if plan.region != region:
        problems.append(
            f"The example's region is {plan.region}, but AWS_REGION is {region}. "
            "Set both to one Region."
        )
    return problems


def secret_faults(kind: str, text: str) -> str:
    """Return what is wrong with the content of a secret; empty if nothing is."""
    try:
        content = json.loads(text)
    except ValueError:
        return "is not JSON"
    if not isinstance(content, dict):
        return "is not a JSON object"
    keys = {key for key, value in content.items() if value}
    if kind == "panorama" and not any(wanted <= keys for wanted in CREDENTIALS):
        return "has neither api_key, nor username and password"
    if kind == "licensing" and "api_key" not in keys:
        return "has no api_key"
    if kind == "bootstrap" and "vm-auth-key" not in keys:
        return "has no vm-auth-key"
    return ""


def _secret_problems(account: Account, kind: str, name: str) -> list[str]:
    manager = account.client("secretsmanager")
    try:
        text = manager.get_secret_value(SecretId=name)["SecretString"]
    except ClientError as error:
        fault = f"cannot be read ({error.response['Error']['Code']})"
    except KeyError:
        fault = "has no text"
    else:
        fault = secret_faults(kind, text)
    if not fault:
        return []
    advice = "The example's README says what it contains."
    return [f"The secret {name} ({kind}) {fault}. {advice}"]


def _image(account: Account, plan: Plan, checked: Checked) -> None:
    if not plan.panos_version:
        checked.unchecked.append("the image, which VARS names")
        return
    ec2 = account.client("ec2")
    code = PRODUCT_CODES.get(plan.license_type, "")
    try:
        images = ec2.describe_images(
            Owners=["aws-marketplace"],
            IncludeDeprecated=True,
            Filters=[
                {"Name": "name", "Values": [f"PA-VM-AWS-{plan.panos_version}*"]},
                {"Name": "product-code", "Values": [code]},
            ],
        )["Images"]
    except (ClientError, BotoCoreError) as error:
        checked.unchecked.append(f"the image ({_why(error)})")
        return
    if not images:
        checked.problems.append(
            f"AWS Marketplace lists no image of PAN-OS {plan.panos_version} ({plan.license_type}) "
            f"in {plan.region}. Set another firewall.panos_version in VARS."
        )
        return
    problem, unchecked = subscription(ec2, images[0]["ImageId"], plan)
    checked.problems += problem
    checked.unchecked += unchecked


def subscription(ec2: Any, image_id: str, plan: Plan) -> tuple[list[str], list[str]]:
    """Return a problem, or what could not be checked, about the subscription to the image.

    A dry run of RunInstances starts nothing. EC2 answers ``OptInRequired`` without a subscription
    (EC2 API Reference, "Error codes").
    """
    try:
        ec2.run_instances(
            DryRun=True, ImageId=image_id, InstanceType=plan.instance_type, MinCount=1, MaxCount=1
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "DryRunOperation":
            return [], []
        if code == "OptInRequired":
            problem = (
                f"This account has not subscribed to VM-Series ({plan.license_type}) in AWS "
                "Marketplace. Accept the offer in the console, and run again."
            )
            return [problem], []
        return [], [f"the subscription in AWS Marketplace ({code})"]
    return [], ["the subscription in AWS Marketplace (no answer to a dry run)"]


def _quotas(account: Account, plan: Plan, checked: Checked) -> None:
    ec2 = account.client("ec2")
    try:
        used = len(ec2.describe_addresses()["Addresses"])
        quota = _quota(account, ADDRESS_QUOTA)
        checked.problems += quota_problem(
            "Elastic IP addresses", used, elastic_addresses(plan), quota, plan.region
        )
    except (ClientError, BotoCoreError) as error:
        checked.unchecked.append(f"the quota of Elastic IP addresses ({_why(error)})")
    try:
        types = ec2.describe_instance_types(InstanceTypes=[plan.instance_type])["InstanceTypes"]
        cpus = int(types[0]["VCpuInfo"]["DefaultVCpus"]) * (plan.minimum + 1)
        checked.problems += quota_problem(
            "virtual CPUs of on-demand instances", 0, cpus, _quota(account, CPU_QUOTA), plan.region
        )
    except (ClientError, BotoCoreError, IndexError) as error:
        checked.unchecked.append(f"the quota of virtual CPUs ({_why(error)})")


def quota_problem(what: str, used: int, needed: int, quota: float, region: str) -> list[str]:
    """Return a problem if a quota is too small."""
    if used + needed <= quota:
        return []
    problem = (
        f"The run needs {needed} {what}, but of {quota:.0f} in {region}, {used} are in use. "
        "Request a higher quota in Service Quotas."
    )
    return [problem]


def _quota(account: Account, code: str) -> float:
    client = account.client("service-quotas")
    quota: Mapping[str, Any] = client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]
    return float(quota["Value"])


def _why(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__
