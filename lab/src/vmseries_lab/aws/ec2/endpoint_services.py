"""Endpoint services: the IP address types of their endpoints.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpointServiceConfiguration.html
https://docs.aws.amazon.com/vpc/latest/privatelink/create-gateway-load-balancer-endpoint-service.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.vpc_service_configuration import VPCServiceConfiguration
from moto.ec2.responses.vpc_service_configuration import VPCEndpointServiceConfiguration

from vmseries_lab.aws.ec2.errors import ec2_error
from vmseries_lab.aws.moto_patching import add, backend, wrap

IPV4, IPV6 = "ipv4", "ipv6"


def patch() -> None:
    """Complete moto's endpoint services."""
    add(VPCServiceConfiguration, "supported_ip_address_types", [IPV4])
    wrap(VPCEndpointServiceConfiguration, "create_vpc_endpoint_service_configuration", _create)
    wrap(VPCEndpointServiceConfiguration, "modify_vpc_endpoint_service_configuration", _modify)


def _create(original: Any, response: Any) -> Any:
    """CreateVpcEndpointServiceConfiguration: ipv4 unless other types are requested."""
    answer = original(response)
    wanted = response._get_param("SupportedIpAddressTypes", []) or [IPV4]  # noqa: SLF001
    _set(answer.result["ServiceConfiguration"], wanted)
    return answer


def _modify(original: Any, response: Any) -> Any:
    """ModifyVpcEndpointServiceConfiguration: types are added and removed."""
    service_id = response._get_param("ServiceId")  # noqa: SLF001
    (service,) = response.ec2_backend.describe_vpc_endpoint_service_configurations([service_id])
    added = response._get_param("AddSupportedIpAddressTypes", [])  # noqa: SLF001
    removed = response._get_param("RemoveSupportedIpAddressTypes", [])  # noqa: SLF001
    kept = [kind for kind in service.supported_ip_address_types if kind not in removed]
    _set(service, [*kept, *(kind for kind in added if kind not in kept)])
    return original(response)


def _set(service: Any, types: list[str]) -> None:
    """Set the types. IPv6 requires load balancers with the IP address type ``dualstack``.

    The text of the error is not documented.

    Raises:
        EC2ClientError: if a load balancer does not have the type, or no type is left.
    """
    if not types or not set(types) <= {IPV4, IPV6}:
        raise ec2_error(
            "InvalidParameterValue", f"Supported IP address types {types} are not valid."
        )
    balancers = backend("elbv2").load_balancers
    for arn in service.gateway_load_balancer_arns:
        if IPV6 in types and balancers[arn].ip_address_type != "dualstack":
            raise ec2_error(
                "InvalidParameterValue", f"Load balancer {arn} does not support {IPV6}."
            )
    service.supported_ip_address_types = types
