"""The part of Panorama's configuration that ``set`` and ``delete`` commands of the lab can name.

Each line of :data:`_TREE` is a node, indented below its parent:

==========  ====================================================================================
``node``    a node with further nodes
``node @``  entries: the next word is the name of one, after a sign ``=`` the only one
``node *``  members: one word, or several in brackets
``node =``  a value; after the sign, its choices (``yes|no``) or its kind (``cidr``, ``number``)
==========  ====================================================================================

Sources: the configuration that the vendor's Terraform examples load
(https://github.com/PaloAltoNetworks/terraform-aws-swfw-modules, combined_design_autoscale), the set
commands of https://github.com/thresh97/aws-vmseries-builds and of the vendor's
https://github.com/PaloAltoNetworks/iron-skillet, and the PAN-OS Web Interface Help for the values.
Both files of commands leave out ``devices localhost.localdomain`` in templates, and have it in
template stacks. Nodes that nothing here needs are missing; a command that names one is an error, so
that a misspelled command is never accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from ipaddress import IPv4Network

_TREE = """
mgt-config
  devices @
template @
  description =
  settings
    default-vsys =
  config
    shared
      log-settings
        system
          match-list @
            filter =
            send-to-panorama = yes|no
        config
          match-list @
            filter =
            send-to-panorama = yes|no
    deviceconfig
      system
        timezone =
        ntp-servers
          primary-ntp-server
            ntp-server-address =
          secondary-ntp-server
            ntp-server-address =
        dns-setting
          servers
            primary = address
            secondary = address
      plugins
        vm_series
          aws-cloudwatch
            enabled = yes|no
            name =
            timeout = number
    network
      profiles
        interface-management-profile @
          http = yes|no
          https = yes|no
          ping = yes|no
          ssh = yes|no
          permitted-ip @
      interface
        ethernet @
          comment =
          layer3
            dhcp-client
              enable = yes|no
              create-default-route = yes|no
              default-route-metric = number
            interface-management-profile =
      virtual-router @
        interface *
        routing-table
          ip
            static-route @
              destination = cidr
              interface =
              metric = number
              nexthop
                ip-address = address
                next-vr =
                discard
    vsys @
      import
        network
          interface *
      zone @
        network
          layer3 *
          zone-protection-profile =
template-stack @
  description =
  devices @
  templates *
  settings
    default-vsys =
  config
    devices @ =localhost.localdomain
      deviceconfig
        system
          timezone =
        plugins
          vm_series
            aws-cloudwatch
              enabled = yes|no
              name =
              timeout = number
device-group @
  description =
  devices @
  reference-templates *
  address @
    description =
    ip-netmask = cidr
  address-group @
    description =
    static *
  service @
    description =
    protocol
      tcp
        port =
      udp
        port =
  log-settings
    profiles @
      match-list @
        log-type = auth|data|decryption|threat|traffic|tunnel|url|wildfire
        filter =
        send-to-panorama = yes|no
  pre-rulebase
    security
      rules @ security-rule
    nat
      rules @ nat-rule
  post-rulebase
    security
      rules @ security-rule
    nat
      rules @ nat-rule
log-collector @
log-collector-group @
  logfwd-setting
    collectors *
    devices @
plugins
  sw_fw_license
    bootstrap-definition @
      authcode =
    license-manager @
      auto-deactivate = number
      bootstrap-definition =
      device-group =
      template-stack =
"""

_SHARED = {
    "security-rule": """
description =
from *
to *
source *
negate-source = yes|no
destination *
negate-destination = yes|no
application *
service *
action = allow|deny|drop|reset-both|reset-client|reset-server
profile-setting
  profiles
    virus *
    spyware *
    vulnerability *
    url-filtering *
    file-blocking *
    wildfire-analysis *
log-start = yes|no
log-end = yes|no
log-setting =
disabled = yes|no
""",
    "nat-rule": """
description =
from *
to *
to-interface =
source *
destination *
service =
source-translation
  dynamic-ip-and-port
    interface-address
      interface =
disabled = yes|no
""",
}
"""Children that several nodes have."""


class Kind(Enum):
    """What follows a node in a command."""

    NODE = ""
    ENTRIES = "@"
    MEMBERS = "*"
    VALUE = "="


@dataclass(slots=True)
class Node:
    """A node of the configuration.

    Attributes:
        values: choices or kind of a value, or the only name of an entry; empty for any text.
        children: nodes below it, or below each of its entries, by name.
    """

    kind: Kind = Kind.NODE
    values: str = ""
    children: dict[str, Node] = field(default_factory=dict)

    def accepts(self, value: str) -> bool:
        """Whether a value has the right form."""
        match self.values:
            case "":
                return bool(value)
            case "number":
                return value.isascii() and value.isdigit()
            case "cidr":
                return _is_network(value)
            case "address":
                return _is_network(value) and "/" not in value
            case choices:
                return value in choices.split("|")


@cache
def root() -> Node:
    """Return the root of the configuration."""
    return _parse(_TREE)


def _parse(text: str) -> Node:
    top = Node()
    parents: list[tuple[int, Node]] = [(-1, top)]
    for line in filter(None, text.splitlines()):
        match = re.fullmatch(r"( *)([\w-]+)(?: ([@*=]))?(?: (.+))?", line)
        if match is None:
            raise ValueError(line)
        depth, name, kind, rest = len(match[1]), match[2], Kind(match[3] or ""), match[4] or ""
        node = Node(kind, rest if kind is Kind.VALUE else "")
        if kind is Kind.ENTRIES and rest.startswith("="):
            node.values = rest[1:]
        elif kind is Kind.ENTRIES and rest:
            node.children = _parse(_SHARED[rest]).children
        while parents[-1][0] >= depth:
            parents.pop()
        parents[-1][1].children[name] = node
        parents.append((depth, node))
    return top


def _is_network(value: str) -> bool:
    try:
        IPv4Network(value)
    except ValueError:
        return False
    return True
