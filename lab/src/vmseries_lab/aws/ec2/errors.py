"""EC2's errors, each with EC2's code and message.

Codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html. That page has no
messages for most codes; messages are those that users of the API report, with their sources.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError


def ec2_error(code: str, message: str) -> Any:
    """Return the exception for which moto returns an EC2 error response."""
    return EC2ClientError(code, message)


def interface_in_use(interface_id: str) -> Any:
    """The interface is attached or detaching, and cannot be attached.

    https://github.com/hashicorp/terraform-provider-aws/issues/27513
    """
    return ec2_error("InvalidNetworkInterface.InUse", f"Interface: [{interface_id}] in use.")


def interface_not_deletable(interface_id: str) -> Any:
    """An attached interface cannot be deleted.

    The documentation names ``InvalidNetworkInterface.InUse``, but EC2 answers with the generic
    code: https://github.com/gruntwork-io/cloud-nuke/issues/431
    """
    return ec2_error(
        "InvalidParameterValue", f"Network interface '{interface_id}' is currently in use."
    )


def index_in_use(instance_id: str, index: int) -> Any:
    """The device index is in use. https://github.com/lstoll/k8s-vpcnet/issues/71."""
    return ec2_error(
        "InvalidParameterValue",
        f"Instance '{instance_id}' already has an interface attached at device index '{index}'.",
    )


def too_many_interfaces(count: int, instance_type: str) -> Any:
    """The type's limit is reached. https://github.com/cilium/cilium/issues/15877."""
    return ec2_error(
        "AttachmentLimitExceeded", f"Interface count {count} exceeds the limit for {instance_type}"
    )


def other_zone() -> Any:
    """Interface and instance are in different Availability Zones.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network-interface-attachments.html
    """
    return ec2_error(
        "InvalidParameterCombination",
        "You may not attach a network interface to an instance if they are not in the same "
        "availability zone",
    )


def wrong_instance_state(instance_id: str) -> Any:
    """Interfaces can be attached to running and stopped instances only.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network-interface-attachments.html
    """
    return ec2_error("IncorrectState", f"Instance '{instance_id}' is not 'running' or 'stopped'.")


def primary_interface() -> Any:
    """The primary interface cannot be detached.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network-interface-attachments.html
    """
    return ec2_error(
        "OperationNotPermitted", "The network interface at device index 0 cannot be detached."
    )


def subnet_full(subnet_id: str) -> Any:
    """The subnet has no free private address (code: error codes of the EC2 API)."""
    return ec2_error(
        "InsufficientFreeAddressesInSubnet",
        f"The specified subnet '{subnet_id}' does not have enough free addresses to satisfy the "
        "request.",
    )


def private_address_in_use(address: str) -> Any:
    """The requested private address is in use (code: error codes of the EC2 API)."""
    return ec2_error("InvalidIPAddress.InUse", f"Address {address} is in use.")


def no_such_group(group_id: str) -> Any:
    """The security group does not exist (code: error codes of the EC2 API)."""
    return ec2_error("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")


def different_networks() -> Any:
    """Security group and subnet are in different VPCs (code: error codes of the EC2 API)."""
    return ec2_error(
        "InvalidParameter",
        "You have specified two resources that belong to different networks.",
    )


def token_reused() -> Any:
    """The client token was used before with different parameters.

    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
    """
    return ec2_error(
        "IdempotentParameterMismatch",
        "The client token has already been used with different parameters.",
    )


def several_attributes() -> Any:
    """Only one attribute can be changed per call.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html
    """
    return ec2_error("InvalidParameterCombination", "Fields for multiple attribute types specified")


def address_quota() -> Any:
    """The account has reached its quota of addresses (code: error codes of the EC2 API)."""
    return ec2_error("AddressLimitExceeded", "The maximum number of addresses has been reached.")


def address_associated(public_ip: str) -> Any:
    """An associated address cannot be released.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
    """
    return ec2_error("InvalidIPAddress.InUse", f"Address {public_ip} is in use.")


def already_associated(resource: str, public_ip: str) -> Any:
    """The resource is associated and reassociation is not allowed (error codes of the EC2 API)."""
    return ec2_error(
        "Resource.AlreadyAssociated",
        f"resource {resource} is already associated with address {public_ip}",
    )


def no_internet_gateway(vpc_id: str) -> Any:
    """An Elastic IP address needs an internet gateway in the VPC.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html
    """
    return ec2_error(
        "Gateway.NotAttached", f"network {vpc_id} is not attached to any internet gateway"
    )


def subnet_has_dependencies(subnet_id: str) -> Any:
    """The subnet has interfaces (code: error codes of the EC2 API)."""
    return ec2_error(
        "DependencyViolation", f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
    )


def group_has_dependencies(group_id: str) -> Any:
    """Interfaces use the security group (code: error codes of the EC2 API)."""
    return ec2_error("DependencyViolation", f"resource {group_id} has a dependent object")


def ids_with_pages(parameter: str) -> Any:
    """IDs and a page size cannot be combined (MaxResults in the API reference)."""
    return ec2_error(
        "InvalidParameterCombination",
        f"The parameter {parameter} cannot be used with the parameter maxResults",
    )


def bad_page_size(value: int) -> Any:
    """The page size is not from 5 to 1000.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html
    """
    return ec2_error(
        "InvalidParameterValue",
        f"Value ( {value} ) for parameter maxResults is invalid. Expecting a value between 5 and "
        "1000.",
    )


def bad_token() -> Any:
    """The pagination token is invalid (code: error codes of the EC2 API)."""
    return ec2_error("InvalidPaginationToken", "The specified pagination token is not valid.")


def no_such_image(image_id: str) -> Any:
    """The image was deregistered or never existed.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-ami.html
    """
    return ec2_error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")


def no_such_instance_type(instance_type: str) -> Any:
    """There is no such instance type (code: error codes of the EC2 API)."""
    return ec2_error("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")


def architecture_mismatch(of_type: str, of_image: str) -> Any:
    """Instance type and image have different architectures.

    https://github.com/skypilot-org/skypilot/issues/6315
    """
    return ec2_error(
        "InvalidParameterValue",
        f"The architecture '{of_type}' of the specified instance type does not match the "
        f"architecture '{of_image}' of the specified AMI. Specify an instance type and an AMI that "
        "have matching architectures, and try again. You can use 'describe-instance-types' or "
        "'describe-images' to discover the architecture of the instance type or AMI.",
    )


def terms_not_accepted(product_code: str) -> Any:
    """The account has not accepted the terms of a Marketplace product.

    https://github.com/F5Networks/f5-aws-cloudformation/issues/45
    """
    return ec2_error(
        "OptInRequired",
        "In order to use this AWS Marketplace product you need to accept terms and subscribe. To "
        f"do so please visit https://aws.amazon.com/marketplace/pp?sku={product_code}",
    )


def unsupported_in_zone(instance_type: str, zone: str, zones: list[str]) -> Any:
    """The zone does not offer the instance type.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-instancelaunchfailure.html
    """
    return ec2_error(
        "Unsupported",
        f"Your requested instance type ({instance_type}) is not supported in your requested "
        f"Availability Zone ({zone}). Please retry your request by not specifying an Availability "
        f"Zone or choosing {', '.join(zones)}.",
    )


def vcpu_limit(vcpus: int) -> Any:
    """The quota of vCPUs of running instances is exceeded.

    https://github.com/aws/amazon-cloudwatch-agent-test/pull/256
    """
    return ec2_error(
        "VcpuLimitExceeded",
        f"You have requested more vCPU capacity than your current vCPU limit of {vcpus} allows for "
        "the instance bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    )


def no_capacity(instance_type: str, zone: str, others: list[str]) -> Any:
    """EC2 has no capacity for the type in the zone.

    https://github.com/red-hat-storage/ocs-ci/issues/9263
    """
    elsewhere = (
        f" You can currently get {instance_type} capacity by not specifying an Availability Zone "
        f"in your request or choosing {', '.join(others)}."
        if others
        else ""
    )
    return ec2_error(
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone "
        f"you requested ({zone}). Our system will be working on provisioning additional "
        f"capacity.{elsewhere}",
    )


def too_few_addresses(subnet_id: str) -> Any:
    """The subnet has no address for a new instance.

    https://github.com/PrairieLearn/PrairieLearn/issues/3271
    """
    return ec2_error(
        "InsufficientFreeAddressesInSubnet",
        f"There are not enough free addresses in subnet '{subnet_id}' to satisfy the requested "
        "number of instances.",
    )


def no_such_template(template_id: str) -> Any:
    """The launch template was deleted (code: error codes of the EC2 API)."""
    return ec2_error(
        "InvalidLaunchTemplateId.NotFound",
        f"The specified launch template, with template ID {template_id}, does not exist.",
    )


def no_such_template_version(template_id: str, version: str) -> Any:
    """The version of the launch template was deleted (code: error codes of the EC2 API)."""
    return ec2_error(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find launch template version {version} for launch template {template_id}.",
    )


def no_default_subnet(zone: str) -> Any:
    """The zone has no default subnet (code: error codes of the EC2 API)."""
    return ec2_error("MissingInput", f"No default subnet for availability zone: '{zone}'.")


def no_such_attachment(attachment_id: str) -> Any:
    """The transit gateway attachment does not exist (code: error codes of the EC2 API)."""
    return ec2_error(
        "InvalidTransitGatewayAttachmentID.NotFound",
        f"Transit Gateway Attachment {attachment_id} was deleted or does not exist.",
    )


def no_such_subnet(subnet_id: str) -> Any:
    """The subnet does not exist (code: error codes of the EC2 API)."""
    return ec2_error("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
