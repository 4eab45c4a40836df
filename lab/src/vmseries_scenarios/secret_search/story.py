"""What the functions do while secrets are watched: everything in which they could quote one.

Panorama is asked with an API key and with a password, and the credit pool with its own secret.
Firewalls are asked by themselves in another deployment, with a password. In the third one, Strata
Cloud Manager manages them. Launches, terminations, the reconcile function and the pre-flight check
run, and fail in each way that could quote a value.
"""

from __future__ import annotations

from pathlib import Path

from vmseries_lab.client import Lab
from vmseries_lab.firewalls import xml_api
from vmseries_lab.panorama import initial_config
from vmseries_scenarios.deployment import MINUTE, Deployment
from vmseries_scenarios.least_privilege.scenarios import (
    APPLY_LIMIT_SECONDS,
    FULL,
    ROOT,
    WITH_STRATA_CLOUD_MANAGER,
    WITHOUT_PANORAMA,
    create_keys,
    launch_without_capacity,
    send_invalid_messages,
    validate,
)
from vmseries_scenarios.secret_search.needles import Secrets

DEPLOYMENTS = (FULL, WITHOUT_PANORAMA, WITH_STRATA_CLOUD_MANAGER)
CACHE_SECONDS = 6 * MINUTE
"""A warm function keeps a secret for five minutes."""
BOOT_SECONDS = {"license": 160.0, "register": 165.0, "content": 170.0}
SET_KEY = "license api-key set key"
REFUSAL = "license -> api-key -> set -> key"
NOT_JSON = f'{{"username": "autoscale", "password": "broken-{"secret" * 4}" oops'
REPLACED = "c0ffee" * 10
SOON_MINUTES = 60
RESEND_MINUTES = 90


def perform(features: tuple[str, ...], lab: Lab, repository: Path, folder: Path) -> Deployment:
    """Apply a deployment at the log level DEBUG, and let everything happen in it.

    Args:
        features: As the variable of the root module.
        lab: A new lab, which the caller stops.
        repository: The checkout whose module is applied.
        folder: Where to copy it to; must not exist.

    Raises:
        DeploymentError: Something did not happen.
        LabError: The lab failed.
        TerraformError: Terraform failed.
    """
    lab.firewalls.set_boot_times(**BOOT_SECONDS)
    if "firewall-api" in features:
        lab.firewalls.serve_xml_api()
    if "strata" in features:
        lab.assume(strata_first_push="pushes")
    deployment = Deployment.copy(
        lab,
        ROOT,
        folder,
        repository=repository,
        features=sorted(features),
        keys=create_keys(lab, features),
        log_level="DEBUG",
    )
    deployment.apply(limit=APPLY_LIMIT_SECONDS)
    deployment.wait_until_in_service(2, minutes=SOON_MINUTES)
    return deployment


def live(deployment: Deployment, features: tuple[str, ...], secrets: Secrets) -> None:
    """Let the functions work, and fail."""
    validate(deployment)
    deployment.invoke("reconcile", "report")
    deployment.invoke("reconcile", "reconcile")
    send_invalid_messages(deployment)
    launch_without_capacity(deployment)
    if "panorama" in features:
        _with_panorama(deployment, secrets)
        read_credits_in_vain(deployment, secrets)
    elif "strata" in features:
        _with_strata_cloud_manager(deployment, secrets)
    else:
        _with_firewalls(deployment, secrets)
    validate(deployment)
    deployment.invoke("reconcile", "reconcile")
    # Tokens that are found afterwards are those of lifecycle actions that have ended.
    deployment.wait_until_in_service(len(deployment.group.states()), minutes=SOON_MINUTES)


def _with_panorama(deployment: Deployment, secrets: Secrets) -> None:
    panorama = secrets.lab.aws.secret("panorama")
    terminate_while_refused(deployment, secrets, "panorama", panorama["api_key"])
    use_broken_secret(deployment, secrets, "panorama")
    lose_an_event(deployment)
    password = {key: value for key, value in panorama.items() if key != "api_key"}
    secrets.put("panorama", {**password, "password": initial_config.AUTOSCALE.password})
    secrets.lab.advance(CACHE_SECONDS)
    terminate_while_refused(deployment, secrets, "panorama", initial_config.AUTOSCALE.password)


def _with_firewalls(deployment: Deployment, secrets: Secrets) -> None:
    firewall = secrets.lab.aws.secret("firewall")
    password = {key: value for key, value in firewall.items() if key != "api_key"}
    secrets.put("firewall", {**password, "password": xml_api.ADMIN.password})
    secrets.lab.advance(CACHE_SECONDS)
    terminate_while_refused(deployment, secrets, "firewall", xml_api.ADMIN.password)
    use_broken_secret(deployment, secrets, "firewall")


def _with_strata_cloud_manager(deployment: Deployment, secrets: Secrets) -> None:
    lab, name = secrets.lab, "strata-cloud-manager"
    lab.strata.configure(quotes_token=True)
    leaving = deployment.group.terminate_one()
    validate(deployment)
    deployment.invoke("reconcile", "reconcile")
    deployment.wait_until_terminated(leaving, minutes=SOON_MINUTES)
    deployment.group.scale(len(deployment.group.states()) + 1)
    lab.advance(6 * MINUTE)
    lab.strata.configure(quotes_token=False)
    use_broken_secret(deployment, secrets, name)
    wrong = {**lab.aws.secret(name), "client_secret": REPLACED}
    use_broken_secret(deployment, secrets, name, wrong)


def read_credits_in_vain(deployment: Deployment, secrets: Secrets) -> None:
    """Let the reconcile function read the credit pool with secrets that it cannot use."""
    name = "credit-pool"
    content = secrets.lab.aws.secret(name)
    for unusable in (NOT_JSON, {**content, "client_secret": REPLACED}):
        secrets.put(name, unusable)
        secrets.lab.advance(CACHE_SECONDS)
        validate(deployment)
        deployment.invoke("reconcile", "reconcile")
    secrets.put(name, content)
    secrets.lab.advance(CACHE_SECONDS)


def terminate_while_refused(
    deployment: Deployment, secrets: Secrets, device: str, credential: str
) -> None:
    """Terminate a firewall while a device refuses, and quotes, what it is sent."""
    lab, licensing = secrets.lab, secrets.lab.aws.secret("licensing-api-key")["api_key"]
    lab.faults.add(device, "show", message=f"credential '{credential}' is not valid", count=4)
    lab.faults.add(
        device, "request", subject=SET_KEY, message=f"{REFUSAL} '{licensing}' is invalid"
    )
    since = lab.now()
    leaving = deployment.group.terminate_one()
    deployment.wait_until(
        lambda: any(REFUSAL in line.get("reason", "") for line in deployment.log(since)),
        "the licensing API key is refused",
        minutes=SOON_MINUTES,
    )
    secrets.put("licensing-api-key", {"api_key": REPLACED})
    lab.advance(CACHE_SECONDS)
    secrets.put("licensing-api-key", {"api_key": licensing})
    lab.advance(CACHE_SECONDS)
    lab.faults.clear()
    deployment.wait_until_terminated(leaving, minutes=SOON_MINUTES)


def use_broken_secret(
    deployment: Deployment,
    secrets: Secrets,
    name: str,
    broken: dict[str, str] | str = NOT_JSON,
) -> None:
    """Let visits and the pre-flight check read a secret that they cannot use."""
    content = secrets.lab.aws.secret(name)
    deployment.group.scale(len(deployment.group.states()) + 1)
    secrets.put(name, broken)
    secrets.lab.advance(CACHE_SECONDS)
    validate(deployment)
    secrets.lab.advance(2 * MINUTE)
    secrets.put(name, content)
    secrets.lab.advance(CACHE_SECONDS)
    deployment.wait_until_in_service(len(deployment.group.states()), minutes=SOON_MINUTES)


def lose_an_event(deployment: Deployment) -> None:
    """Let EventBridge put a terminate event into the dead-letter queue, and lose nothing."""
    deployment.lab.faults.add("events", "DeliverToTarget", code="NO_PERMISSIONS", count=1)
    leaving = deployment.group.terminate_one()
    deployment.lab.advance(MINUTE)
    deployment.lab.faults.clear()
    deployment.wait_until_terminated(leaving, minutes=RESEND_MINUTES)
