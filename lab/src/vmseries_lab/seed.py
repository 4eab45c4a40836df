"""Creates the secrets that must exist before the first apply.

On AWS, the user creates them, as the READMEs of the examples describe.
"""

from __future__ import annotations

import json
from typing import Any

from vmseries_lab import strata_cloud_manager
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.credit_pool import CLIENT_ID, CLIENT_SECRET
from vmseries_lab.firewalls.xml_api import ADMIN
from vmseries_lab.licensing_api import API_KEY, AUTH_CODE
from vmseries_lab.net.certificates import PANORAMA_NAMES
from vmseries_lab.panorama import initial_config

NAMESPACE = "vmseries-autoscale"


def secrets(ca_pem: str) -> dict[str, dict[str, str]]:
    """Return the content of the secrets by name, as the module's documentation describes it.

    Args:
        ca_pem: certificate of the CA that signed the certificates of Panorama and the firewalls.
    """
    return {
        f"{NAMESPACE}/panorama": {
            "api_key": initial_config.AUTOSCALE.key,
            "username": initial_config.AUTOSCALE.name,
            "ca_bundle": ca_pem,
        },
        f"{NAMESPACE}/firewall": {
            "api_key": ADMIN.key,
            "username": ADMIN.name,
            "ca_bundle": ca_pem,
        },
        f"{NAMESPACE}/licensing-api-key": {"api_key": API_KEY},
        f"{NAMESPACE}/strata-cloud-manager": {
            "client_id": strata_cloud_manager.CLIENT_ID,
            "client_secret": strata_cloud_manager.CLIENT_SECRET,
            "tsg_id": strata_cloud_manager.TSG_ID,
            "ca_bundle": ca_pem,
        },
        f"{NAMESPACE}/credit-pool": {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "auth_code": AUTH_CODE,
            "ca_bundle": ca_pem,
        },
        # Keys of init-cfg.txt: Palo Alto Networks, VM-Series Deployment Guide,
        # "init-cfg.txt File Components".
        f"{NAMESPACE}/bootstrap": {
            "type": "dhcp-client",
            "panorama-server": PANORAMA_NAMES[0],
            "tplname": initial_config.TEMPLATE_STACK,
            "dgname": initial_config.DEVICE_GROUP,
            "cgname": initial_config.COLLECTOR_GROUP,
            "vm-auth-key": initial_config.VM_AUTH_KEY,
            "authcodes": AUTH_CODE,
            "op-command-modes": "mgmt-interface-swap",
            "plugin-op-commands": "aws-gwlb-inspect:enable",
            "dhcp-accept-server-hostname": "yes",
            "dhcp-send-hostname": "yes",
        },
        f"{NAMESPACE}/bootstrap-cloud": {
            "type": "dhcp-client",
            "panorama-server": "cloud",
            "dgname": strata_cloud_manager.FOLDER,
            "vm-series-auto-registration-pin-id": "0a1b2c3d-0000-4000-8000-000000000001",
            "vm-series-auto-registration-pin-value": "7d3e0b9a61c24f58",
            "authcodes": AUTH_CODE,
            "op-command-modes": "mgmt-interface-swap",
            "plugin-op-commands": "aws-gwlb-inspect:enable,advance-routing:enable",
            "dhcp-accept-server-hostname": "yes",
            "dhcp-send-hostname": "yes",
        },
    }


def seed(ca_pem: str) -> None:
    """Create the secrets in Secrets Manager."""
    store: Any = backend("secretsmanager")
    for name, content in secrets(ca_pem).items():
        store.create_secret(
            name=name,
            secret_string=json.dumps(content),
            secret_binary=None,
            description="Created by the lab",
            tags=[],
            kms_key_id=None,
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
