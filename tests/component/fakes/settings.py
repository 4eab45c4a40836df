"""Settings of the three functions, as the module writes them into their environments."""

from __future__ import annotations

from typing import Any

from component.fakes.base import NAME, ZONE
from component.fakes.dynamodb import RECORDS
from component.fakes.ec2 import GENERATION, NETWORKS, SECURITY_GROUP
from component.fakes.panorama import LICENSE_MANAGER
from component.fakes.secrets_manager import LICENSING_SECRET, PANORAMA_SECRET, STRATA_SECRET
from component.fakes.sqs import URL
from component.fakes.xml_server import XmlApi
from vmseries_autoscale.settings import PanoramaSettings

SERVER_NAME = "firewalls.example.com"
JOIN_SECONDS = 2700
"""The bound for firewalls that have not registered with Panorama."""


def common(**changes: Any) -> dict[str, Any]:
    """The settings that all functions have."""
    return {
        "name": NAME,
        "auto_scaling_group_name": NAME,
        "records_table": RECORDS,
        "panorama": {
            "hostnames": ["panorama.example.com"],
            "port": 443,
            "secret_arn": PANORAMA_SECRET,
            "server_name": None,
            "device_group": "DG",
            "template_stack": "TS",
            "log_collector_group": "LCG",
            "timeout_seconds": 5,
            "push_when_out_of_sync": False,
            "call_slots_table_arn": None,
        },
        "strata_cloud_manager": None,
        **changes,
    }


def strata_cloud_manager(**changes: Any) -> dict[str, Any]:
    """The settings of Strata Cloud Manager."""
    return {
        "secret_arn": STRATA_SECRET,
        "folder": "autoscale",
        "api_hostname": "api.strata.paloaltonetworks.com",
        "identity_hostname": "auth.apps.paloaltonetworks.com",
        "timeout_seconds": 5,
        **changes,
    }


def hook(name: str, /, **changes: Any) -> dict[str, Any]:
    """The settings of a function that processes a lifecycle hook."""
    return common(
        **{
            "lifecycle_hook_name": name,
            "queue_url": URL + name,
            "dead_letter_queue_url": URL + "dead",
            "visit_interval_seconds": 30,
            "maximum_visit_interval_seconds": 300,
            **changes,
        }
    )


def interface(role: str, *, target_groups: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The settings of one interface; all but the primary one have a public address."""
    index = NETWORKS[role]
    return {
        "role": role,
        "device_index": index,
        "source_dest_check": role == "management",
        "subnet_ids": {ZONE: role},
        "security_group_ids": [SECURITY_GROUP],
        "public_ip": index > 0,
        "public_ipv4_pool": None,
        "target_groups": target_groups or [],
    }


def launch(**changes: Any) -> dict[str, Any]:
    """The settings of the launch function: a two-arm deployment with a management interface."""
    return hook(
        "launch",
        **{
            "deadline_seconds": 2700,
            "interfaces": {role: interface(role) for role in NETWORKS},
            "tags": {},
            "readiness": "in-sync",
            "license_expected": True,
            "firewall_api": None,
            "target_group_arns": [],
            **changes,
        },
    )


def licensing(**changes: Any) -> dict[str, Any]:
    """The settings of how licenses are returned: the firewall returns its own."""
    return {
        "mode": "firewall",
        "api_key_secret_arn": LICENSING_SECRET,
        "license_manager": None,
        "join_timeout_seconds": JOIN_SECONDS,
        **changes,
    }


PLUGIN_LICENSING = licensing(
    mode="plugin", api_key_secret_arn=None, license_manager=LICENSE_MANAGER
)
"""Panorama's license plugin returns the licenses."""

NO_LICENSING = licensing(mode="none", api_key_secret_arn=None)
"""Nothing returns licenses."""


def terminate(**changes: Any) -> dict[str, Any]:
    """The settings of the terminate function: the firewall returns its license."""
    return hook(
        "terminate",
        **{
            "deadline_seconds": 86400,
            "management_device_index": 1,
            "licensing": licensing(),
            "firewall_api": None,
            "target_groups": {},
            "target_group_arns": [],
            **changes,
        },
    )


def reconcile(**changes: Any) -> dict[str, Any]:
    """The settings of the reconcile function: without target groups, and with a high cap."""
    return common(
        **{
            "launch": {"lifecycle_hook_name": "launch", "queue_url": URL + "launch"},
            "terminate": {"lifecycle_hook_name": "terminate", "queue_url": URL + "terminate"},
            "management_device_index": 1,
            "licensing_mode": "firewall",
            "license_manager": None,
            "stop_launches_after": None,
            "credit_pool": None,
            "target_groups": [],
            "target_group_arns": [],
            "age_floor_seconds": 1500,
            "maximum_firewalls": 25,
            "maximum_share": 1,
            "dry_run": False,
            "metric_namespace": "VMseries-fw",
            "generation": GENERATION,
            "bootstrap": {"secret_arn": None, "bucket": None, "prefix": None},
            "tags": {},
            **changes,
        }
    )


def firewall_api() -> dict[str, Any]:
    """The settings of the firewalls' own API."""
    return {
        "secret_arn": PANORAMA_SECRET,
        "port": 443,
        "server_name": SERVER_NAME,
        "timeout_seconds": 5,
    }


def of_server(api: XmlApi, **changes: Any) -> PanoramaSettings:
    """The settings of a Panorama that this server stands in for."""
    return of_panorama(api.port, timeout_seconds=api.client_timeout_seconds, **changes)


def of_panorama(port: int, **changes: Any) -> PanoramaSettings:
    """The settings of a Panorama on this machine that responds at once."""
    return PanoramaSettings(
        **{
            "hostnames": ("localhost",),
            "port": port,
            "secret_arn": "arn:secret",
            "server_name": None,
            "device_group": "DG",
            "template_stack": "TS",
            "log_collector_group": "LCG",
            "timeout_seconds": 1,
            "push_when_out_of_sync": False,
            **changes,
        }
    )
