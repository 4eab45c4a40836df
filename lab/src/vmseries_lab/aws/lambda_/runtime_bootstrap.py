"""Runs in the function's process: what Lambda's own bootstrap does, and the connection to the lab.

Started as ``python -I -S bootstrap.py TASK_ROOT LAYERS PACKAGES [TEMPLATE]``. It knows the standard
library only until it has set the path; nothing of the lab's own environment is importable from a
function. With a fourth argument it serves no invocations itself, but forks processes that do
(``template``).

The function notices two things of the lab, both of which are true on AWS as well: the clock shows
the time of the world it lives in, and names lead to hosts that answer.
"""

from __future__ import annotations

import functools
import gc
import http.client
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Lab:
    """The lab, reached at the Runtime API's address."""

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
            target = self._hosts.get(f"{name}:{port}")
            if target is None:
                raise socket.gaierror(socket.EAI_NONAME, f"{name}:{port} is not a host of the lab")
            address, _, lab_port = target.rpartition(":")
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


def main(task_root: str, layers: str, packages: str, template: str = "") -> None:
    """Serve invocations until the process is ended."""
    sys.path[:0] = search_path(task_root, layers, packages)
    sys.argv = ["/var/runtime/bootstrap.py"]
    if template:
        serve_copies(**json.loads(template))
    from awslambdaric import bootstrap  # noqa: PLC0415 - now that it can be found
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415

    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    lab = Lab(address)
    lab.look()
    socket.getaddrinfo = lab.lead(socket.getaddrinfo)

    class Client(LambdaRuntimeClient):  # type: ignore[misc]
        """Reads the lab's clock at each invocation, and marks the end of its output."""

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


def serve_copies(listening: int, modules: list[str], services: list[str]) -> None:
    """Load the function, then fork per request; returns in the forked processes only."""
    # Without the runtime client: its native part keeps the address that it finds when it is loaded.
    from botocore.loaders import JSONFileLoader  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    # The SDK's models, which each copy would otherwise read itself: megabytes of JSON.
    load = JSONFileLoader.load_file
    read = functools.cache(lambda path: load(JSONFileLoader(), path))
    JSONFileLoader.load_file = lambda _, path: read(path)  # type: ignore[method-assign, assignment]
    for service in services:
        get_session().create_client(service, region_name=os.environ["AWS_REGION"])
    handler = os.environ["_HANDLER"].rpartition(".")[0].replace("/", ".")
    for name in (handler, *modules):
        importlib.import_module(name)
    gc.freeze()
    # The copies are not waited for here: the lab follows each of them itself.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(fileno=listening)
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [])
        if server not in ready:
            sys.exit()
        asking, _ = server.accept()
        text, (output,), _, _ = socket.recv_fds(asking, 1 << 20, 1)
        while part := asking.recv(1 << 20):
            text += part
        pid = os.fork()
        if not pid:
            break
        asking.sendall(str(pid).encode())
        asking.close()
        os.close(output)
    asking.close()
    server.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    os.environ.clear()
    os.environ.update(json.loads(text))
    random.seed()


def _end_of_output(invoke_id: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(1, f"\x1e{invoke_id}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
