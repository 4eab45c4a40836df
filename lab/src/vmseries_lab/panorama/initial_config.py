"""The initial configuration of the lab's Panorama."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from vmseries_lab.panorama.administrators import Admin

DEVICE_GROUP = "autoscale"
TEMPLATE = "autoscale-network"
TEMPLATE_STACK = "autoscale-stack"
COLLECTOR_GROUP = "autoscale-logs"
COLLECTOR = "007951000000001"
VM_AUTH_KEY = "755036225328715"

AUTOSCALE = Admin("autoscale", "autoscale-password", "LUFRPT1hdXRvc2NhbGUta2V5LW9mLXRoZS1sYWI")
SECOND = Admin("autoscale-2", "autoscale-2-password", "LUFRPT1zZWNvbmQta2V5LW9mLXRoZS1sYWI")
"""For a second module instance that shares this Panorama."""
OPERATOR = Admin("operator", "operator-password", "LUFRPT1vcGVyYXRvci1rZXktb2YtdGhlLWxhYg")
READER = Admin("reader", "reader-password", "LUFRPT1yZWFkZXIta2V5LW9mLXRoZS1sYWI")
ROLES = Path(__file__).resolve().parents[4] / "docs" / "panorama-admin-role.xml"
"""The role profiles that the module ships for the functions' administrators."""
ROLE = "autoscale-api-plugin"
"""Role profile of the functions' administrators, which fits every licensing mode."""

_CONFIGURATION = f"""
<config version="11.1.0" urldb="paloaltonetworks">
  <mgt-config>
    <devices/>
    <users>
      <entry name="{AUTOSCALE.name}"><permissions><role-based>
        <custom><profile>{ROLE}</profile></custom>
      </role-based></permissions></entry>
      <entry name="{SECOND.name}"><permissions><role-based>
        <custom><profile>{ROLE}</profile></custom>
      </role-based></permissions></entry>
      <entry name="{OPERATOR.name}"><permissions><role-based>
        <superuser>yes</superuser>
      </role-based></permissions></entry>
      <entry name="{READER.name}"><permissions><role-based>
        <superreader>yes</superreader>
      </role-based></permissions></entry>
    </users>
  </mgt-config>
  <shared/>
  <devices>
    <entry name="localhost.localdomain">
      <device-group>
        <entry name="{DEVICE_GROUP}">
          <devices/>
        </entry>
      </device-group>
      <template>
        <entry name="{TEMPLATE}">
          <config><devices><entry name="localhost.localdomain">
            <network>
              <profiles><interface-management-profile>
                <entry name="health-check"><http>yes</http><https>yes</https></entry>
              </interface-management-profile></profiles>
              <interface><ethernet><entry name="ethernet1/1"><layer3>
                <dhcp-client/>
                <interface-management-profile>health-check</interface-management-profile>
              </layer3></entry></ethernet></interface>
            </network>
          </entry></devices></config>
        </entry>
      </template>
      <template-stack>
        <entry name="{TEMPLATE_STACK}">
          <templates><member>{TEMPLATE}</member></templates>
          <devices/>
        </entry>
      </template-stack>
      <log-collector><entry name="{COLLECTOR}"/></log-collector>
      <log-collector-group>
        <entry name="{COLLECTOR_GROUP}">
          <logfwd-setting>
            <collectors><member>{COLLECTOR}</member></collectors>
            <devices/>
          </logfwd-setting>
        </entry>
      </log-collector-group>
    </entry>
  </devices>
</config>
"""


def configuration() -> Element:
    """Return a new copy of the initial configuration.

    It has no white space between elements, so that equal configurations have equal text.
    """
    root: Element = fromstring(_CONFIGURATION)
    shared = root.find("shared")
    if shared is None:
        raise ValueError("the initial configuration has no shared part")
    shared.append(fromstring(ROLES.read_text(encoding="utf-8")))
    for element in root.iter():
        element.text = (element.text or "").strip() or None
        element.tail = None
    return root
