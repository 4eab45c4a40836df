"""Launch templates, and launches from them.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html
"""

from __future__ import annotations

import copy
from operator import methodcaller
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import convert_tag_spec, parse_user_data

from vmseries_lab.aws.ec2 import errors
from vmseries_lab.aws.moto_patching import wrap

DEFAULT_ROOT_GIB = 60
"""Size of the root volume of a VM-Series image, unless the template specifies one."""


def patch() -> None:
    """Correct moto's launch templates."""
    wrap(EC2Backend, "create_launch_template", _create)
    wrap(LaunchTemplates, "create_launch_template_version", _create_version)
    # Return the current tags of a template, not those from its creation.
    LaunchTemplate.tags = property(methodcaller("get_tags"), lambda _template, _value: None)


def launch(
    store: Any,
    version: Any,
    subnet_id: str,
    tags: dict[str, str],
    instance_type: str | None = None,
) -> Any:
    """Launch an instance from a version of a launch template.

    Args:
        store: moto's EC2 store.
        version: moto's launch template version.
        subnet_id: subnet that the Auto Scaling group chose; groups ignore subnets in the template.
        tags: additional tags of the instance, which override those of the template.
        instance_type: overrides the template's.

    Returns:
        The pending instance.

    Raises:
        EC2ClientError: as RunInstances would, e.g. for a full subnet or an unknown image.
    """
    data = copy.deepcopy(version.data)
    if data["ImageId"] not in store.amis:
        raise errors.no_such_image(data["ImageId"])
    specified = convert_tag_spec(data.get("TagSpecifications") or [])
    own = {
        "aws:ec2launchtemplate:id": version.template.id,
        "aws:ec2launchtemplate:version": str(version.number),
    }
    nics = data.get("NetworkInterfaces") or []
    for nic in nics:
        nic["SubnetId"] = subnet_id
    instance = store.run_instances(
        data["ImageId"],
        1,
        version.user_data,
        [],
        instance_type=instance_type or data["InstanceType"],
        is_instance_type_default=False,
        subnet_id=subnet_id,
        nics=nics,
        security_group_ids=[] if nics else data.get("SecurityGroupIds") or [],
        key_name=data.get("KeyName"),
        ebs_optimized=data.get("EbsOptimized", False),
        metadata_options=data.get("MetadataOptions") or {},
        monitoring_state="enabled" if (data.get("Monitoring") or {}).get("Enabled") else "disabled",
        block_device_mappings=_devices(store, data),
        associate_public_ip=None,
        disable_api_termination=data.get("DisableApiTermination", False),
        tags={
            "instance": {**specified.get("instance", {}), **tags, **own},
            "volume": specified.get("volume", {}),
        },
    ).instances[0]
    _finish(store, instance, data, nics, specified.get("network-interface", {}))
    return instance


def find_version(store: Any, template: Any, version: str) -> Any:
    """Return a version of a launch template that still exists.

    Raises:
        EC2ClientError: if the template or the version was deleted.
    """
    if template.id not in store.launch_templates:
        raise errors.no_such_template(template.id)
    try:
        found = template.get_version(version)
    except (IndexError, KeyError, ValueError):
        found = None
    if found is None:
        raise errors.no_such_template_version(template.id, version)
    return found


def _finish(
    store: Any, instance: Any, data: dict[str, Any], nics: list[Any], tags: dict[str, str]
) -> None:
    keep = {int(nic["DeviceIndex"]): nic.get("DeleteOnTermination") is False for nic in nics}
    for index, interface in instance.nics.items():
        interface.delete_on_termination = not keep.get(index, False)
        interface.add_tags(tags)
    instance.security_groups = list(instance.nics[0].group_set)
    options = dict(data.get("PrivateDnsNameOptions") or {})
    subnet = store.get_subnet(instance.subnet_id)
    instance.private_dns_name_options = {**subnet.private_dns_name_options_on_launch, **options}
    instance.product_codes = sorted(store.amis[data["ImageId"]].product_codes)
    profile = data.get("IamInstanceProfile") or {}
    if profile:
        store.associate_iam_instance_profile(
            instance.id,
            iam_instance_profile_name=profile.get("Name"),
            iam_instance_profile_arn=profile.get("Arn"),
        )


def _devices(store: Any, data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the block device mappings of the image, overridden by those of the template."""
    root = store.amis[data["ImageId"]].root_device_name
    devices: dict[str, dict[str, Any]] = {root: {"DeviceName": root, "Ebs": {}}}
    for mapping in data.get("BlockDeviceMappings") or []:
        devices[mapping["DeviceName"]] = mapping
    for device in devices.values():
        ebs = device.setdefault("Ebs", {})
        ebs.setdefault("DeleteOnTermination", True)
        if not ebs.get("SnapshotId"):
            ebs.setdefault("VolumeSize", DEFAULT_ROOT_GIB)
    return list(devices.values())


def _create(
    original: Any,
    store: Any,
    name: str,
    description: str,
    data: dict[str, Any],
    tag_spec: dict[str, Any],
) -> Any:
    """Remove the template's own tags from its tag specifications."""
    specifications = [
        specification
        for specification in data.pop("TagSpecifications", None) or []
        if specification["ResourceType"] != "launch-template"
    ]
    if specifications:
        data["TagSpecifications"] = specifications
    if data.get("UserData", "") is None:
        del data["UserData"]
    return original(store, name, description, data, tag_spec)


def _create_version(original: Any, response: Any) -> Any:
    """CreateLaunchTemplateVersion: what is not given comes from the source version, if one is.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
    """
    parameters = response._get_params()  # noqa: SLF001
    data = parameters.get("LaunchTemplateData") or {}
    # As moto does for the first version.
    if data.get("UserData") is not None:
        data["UserData"] = parse_user_data(data["UserData"])
    if not parameters.get("SourceVersion"):
        return original(response)
    store = response.ec2_backend
    if parameters.get("LaunchTemplateId"):
        template = store.get_launch_template(parameters["LaunchTemplateId"])
    else:
        template = store.get_launch_template_by_name(parameters["LaunchTemplateName"])
    source = find_version(store, template, parameters["SourceVersion"])
    result = original(response)
    new = template.get_version("$Latest").data
    for name, value in copy.deepcopy(source.data).items():
        new.setdefault(name, value)
    return result
