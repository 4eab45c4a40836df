"""HTTPS requests to the simulated hosts outside AWS."""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlencode

from vmseries_lab.client.control import REQUEST_LIMIT_SECONDS, ControlApi


class VendorHosts:
    """The simulated hosts outside AWS; the attributes are set when the lab has started.

    Attributes:
        hosts: addresses of the hosts, ``"name:port"`` to ``"127.0.0.1:port"``.
        ca_pem: certificate of the CA that signed their certificates.
    """

    hosts: dict[str, str]
    ca_pem: str

    def __init__(self, control: ControlApi) -> None:
        self._control = control

    def address(self, host: str) -> str:
        """Return the address of port 443 of a host, as ``"127.0.0.1:port"``."""
        name = f"{host}:443"
        if name not in self.hosts:
            # Another client may have added a host, such as the second peer of a pair.
            self.hosts.update(self._control.request("GET", "ready")["hosts"])
        return self.hosts[name]

    def post(
        self, host: str, path: str, form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """POST a form to port 443 of a host, with verified TLS; return status and body."""
        connection = _RedirectedConnection(host, self.address(host), self.ca_pem)
        try:
            form_type = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, urlencode(form), form_type | headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


class _RedirectedConnection(http.client.HTTPSConnection):
    """An HTTPS connection that verifies ``host`` but connects to ``target`` (``address:port``)."""

    def __init__(self, host: str, target: str, ca_pem: str) -> None:
        self._tls = ssl.create_default_context(cadata=ca_pem)
        self._target = target
        super().__init__(host, timeout=REQUEST_LIMIT_SECONDS, context=self._tls)

    def connect(self) -> None:
        """Connect to the target and start TLS with the name of the host."""
        address, _, port = self._target.rpartition(":")
        plain = socket.create_connection((address, int(port)), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
