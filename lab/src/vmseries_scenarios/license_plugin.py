"""Firewalls that Panorama's license plugin licenses, and not an auth code in their bootstrap."""

from __future__ import annotations

import json

from vmseries_lab.client import SECRETS, Lab
from vmseries_lab.panorama.license_managers import LICENSE_MANAGER


def license_by_plugin(lab: Lab) -> None:
    """Install the plugin, and change the bootstrap secret to the parameters that it generates.

    ``request plugins sw_fw_license bootstrap-parameters`` names the parameters. They replace the
    VM auth key and the auth code.
    """
    lab.panorama.install_license_plugin()
    answer = lab.panorama.request(
        type="op",
        cmd="<request><plugins><sw_fw_license><bootstrap-parameters>"
        f"<license-manager>{LICENSE_MANAGER}</license-manager>"
        "</bootstrap-parameters></sw_fw_license></plugins></request>",
    )
    generated = {leaf.tag: leaf.text for leaf in answer.iterfind("result/bootstrap-parameters/*")}
    secrets, name = lab.aws.client("secretsmanager"), f"{SECRETS}/bootstrap"
    parameters = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
    commands = f"{parameters['plugin-op-commands']},{generated['plugin-op-commands']}"
    for key in ("vm-auth-key", "authcodes"):
        del parameters[key]
    parameters |= generated | {"plugin-op-commands": commands}
    secrets.put_secret_value(SecretId=name, SecretString=json.dumps(parameters))
