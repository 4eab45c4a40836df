"""The image and the secrets of a deployment disappear: plans and destroy still work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vmseries_lab.client import SECRETS, Lab
from vmseries_scenarios.deployment import Deployment
from vmseries_scenarios.terraform import TerraformError

pytestmark = pytest.mark.apply(seconds=180)

PANOS = "11.2.15"
UNPUBLISHED = "11.1.99"
DEPRECATED_BY_AGE = "11.1.4-h7"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """examples/one-arm, applied without firewalls."""
    folder = tmp_path_factory.mktemp("image") / "copy"
    with Lab() as lab:
        deployment = Deployment.copy(lab, "examples/one-arm", folder, capacity={"min": 0, "max": 3})
        deployment.apply()
        yield deployment
        assert lab.errors() == []


def image_in_use(deployment: Deployment) -> str:
    """Return the image of the newest version of the launch template."""
    ec2 = deployment.lab.aws.client("ec2")
    (version,) = ec2.describe_launch_template_versions(
        LaunchTemplateName=deployment.name, Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    return str(version["LaunchTemplateData"]["ImageId"])


def planned(deployment: Deployment) -> list[str]:
    """Return the addresses of what a plan would change, sorted."""
    return sorted(change.address for change in deployment.workspace.plan())


def test_a_deployment_outlives_its_image_and_its_secrets(deployment: Deployment) -> None:
    aws, variables = deployment.lab.aws, deployment.workspace.variables
    first = image_in_use(deployment)

    # A newer image of the same version would replace all firewalls.
    aws.change_images(PANOS, "republished")
    aws.change_images(PANOS, "deprecated")
    assert planned(deployment) == []

    # Without the image, the deployment can still be changed, and keeps it.
    aws.change_images(PANOS, "deregistered")
    variables["management_cidr_blocks"] = {"office": "10.0.0.0/24"}
    assert planned(deployment) == [
        'module.firewalls.module.firewall_group.aws_vpc_security_group_ingress_rule.management["office-22"]',
        'module.firewalls.module.firewall_group.aws_vpc_security_group_ingress_rule.management["office-443"]',
    ]
    assert image_in_use(deployment) == first

    # Another version is looked up, also one that AWS hides by default because of its age.
    variables["firewall"] = {"panos_version": DEPRECATED_BY_AGE}
    assert "module.firewalls.module.firewall_group.aws_launch_template.this" in planned(deployment)
    variables["firewall"] = {"panos_version": UNPUBLISHED}
    with pytest.raises(TerraformError, match=r"shows no VM-Series image[\s\S]*11\.1\.99"):
        deployment.workspace.plan()

    # A destroy needs neither. It even ignores that the version in the variables does not exist.
    secrets = aws.client("secretsmanager")
    for name in ("panorama", "bootstrap", "licensing-api-key"):
        secrets.delete_secret(SecretId=f"{SECRETS}/{name}", ForceDeleteWithoutRecovery=True)
    del variables["firewall"]
    with pytest.raises(TerraformError, match=r"There is no secret vmseries-autoscale/"):
        deployment.workspace.plan()
    variables["firewall"] = {"panos_version": UNPUBLISHED}
    deployment.destroy()
    assert deployment.workspace.state() == []
