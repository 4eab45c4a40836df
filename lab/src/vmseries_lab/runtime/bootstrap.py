"""Runs in the function's process: what Lambda's own bootstrap does, plus the way into the lab.

Started as ``python -I -S bootstrap.py TASK_ROOT LAYERS PACKAGES``. It knows the standard library
only until it has set the path; nothing of the lab's own environment is importable from a function.

The function notices two things of the lab, both of which are true on AWS as well: the clock shows
the time of the world it lives in, and names lead to hosts that answer.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Lab:
    """The lab's side, asked through the Runtime API's own address."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._hosts: dict[str, str] = {}
        self._traveller: Any = None

    def look(self) -> None:
        """Read clock and hosts, and take them over."""
        import time_machine  # noqa: PLC0415 - the path is not set when this module is loaded

        connection = http.client.HTTPConnection(self._address)
        connection.request("GET", "/lab")
        facts = json.loads(connection.getresponse().read())
        connection.close()
        self._hosts = facts["hosts"]
        if self._traveller is None:
            self._traveller = time_machine.travel(facts["time"], tick=True).start()
        else:
            self._traveller.move_to(facts["time"])

    def lead(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        """Make ``socket.getaddrinfo`` lead into the lab, and nowhere else.

        Every connection of every library begins there, and TLS still verifies the real host name.
        """

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name in LOOPBACK:
                return resolve(host, port, *args, **kwargs)
            where = self._hosts.get(f"{name}:{port}")
            if where is None:
                raise socket.gaierror(socket.EAI_NONAME, f"{name}:{port} is not a host of the lab")
            address, _, lab_port = where.rpartition(":")
            return resolve(address, int(lab_port), *args, **kwargs)

        return getaddrinfo


def search_path(task_root: str, layers: str, packages: str) -> list[str]:
    """Where modules are searched before the standard library, in Lambda's order.

    Source: Lambda Developer Guide, "Packaging your layer content" and "Search paths for runtime
    dependencies": the function's code, then layers, then what the runtime brings.
    """
    python = os.environ["AWS_EXECUTION_ENV"].removeprefix("AWS_Lambda_")
    return [
        task_root,
        f"{layers}/python/lib/{python}/site-packages",
        f"{layers}/python",
        packages,
    ]


def main(task_root: str, layers: str, packages: str) -> None:
    """Serve invocations until the process is ended."""
    sys.path[:0] = search_path(task_root, layers, packages)
    sys.argv = ["/var/runtime/bootstrap.py"]
    from awslambdaric import bootstrap  # noqa: PLC0415 - now that it can be found
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415

    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    lab = Lab(address)
    lab.look()
    socket.getaddrinfo = lab.lead(socket.getaddrinfo)

    class Client(LambdaRuntimeClient):  # type: ignore[misc]
        """Looks at the lab at each invocation, and says where an invocation's output ends."""

        def wait_next_invocation(self) -> Any:
            request = super().wait_next_invocation()
            lab.look()
            return request

        def post_invocation_result(self, invoke_id: str, *args: Any, **kwargs: Any) -> Any:
            _end_of_output(invoke_id)
            return super().post_invocation_result(invoke_id, *args, **kwargs)

        def post_invocation_error(self, invoke_id: str, *args: Any, **kwargs: Any) -> Any:
            _end_of_output(invoke_id)
            return super().post_invocation_error(invoke_id, *args, **kwargs)

    bootstrap.run(os.environ["_HANDLER"], Client(address))


def _end_of_output(invoke_id: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(1, f"\x1e{invoke_id}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
