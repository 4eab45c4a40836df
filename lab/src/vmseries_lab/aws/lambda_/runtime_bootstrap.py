"""The program in a function's process: Lambda's bootstrap, and the connection to the lab.

Started as ``python -I -S runtime_bootstrap.py TASK_ROOT LAYERS PACKAGES [SNAPSHOT]``. It can import
only the standard library until it has set the search path; a function cannot import the lab's own
environment. With a fourth argument, it serves no invocations but forks processes that do.

For the function, two things differ from this machine: its clock shows the lab's time, and host
names are resolved to the hosts of the lab.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import functools
import gc
import http.client
import importlib
import ipaddress
import json
import math
import os
import random
import select
import signal
import socket
import ssl
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost", "::1")
REAL_TIMEOUT_SECONDS = 120.0
"""Real time that sockets wait in addition to a client's timeout."""
BLACK_HOLE = "192.0.2.1"
"""An address that never answers. RFC 5737."""
SYN_SECONDS = 127.0
"""How long Linux repeats the first packet of a connection: ``tcp_syn_retries`` of 6, tcp(7)."""


class Lab:
    """The lab, reached at the Runtime API's address."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._hosts: dict[str, str] = {}
        self._timed_out: frozenset[str] = frozenset()
        self._traveller: Any = None

    def look(self) -> None:
        """Read the lab's time and hosts, and apply them to this process."""
        facts = self._request("GET", "/lab")
        self._hosts = facts["hosts"]
        self._timed_out = frozenset(facts["timed_out"])
        self._travel(facts["time"])

    def sleep(self, until: float) -> None:
        """Wait until the lab's clock shows ``until``."""
        self._travel(self._request("POST", "/lab/sleep", json.dumps({"until": until}))["time"])

    def _request(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._address)
        connection.request(method, path, body)
        facts: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return facts

    def _travel(self, now: float) -> None:
        """Set the clock of this process, which then stands still."""
        import time_machine  # noqa: PLC0415 - the path is not set when this module is loaded

        at = dt.datetime.fromtimestamp(now, dt.UTC)
        if self._traveller is None:
            self._traveller = time_machine.travel(at, tick=False).start()
        else:
            self._traveller.move_to(at, tick=False)

    def lead(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        """Return a ``socket.getaddrinfo`` that resolves only hosts of the lab.

        All libraries use it for connections, and TLS still verifies the real host name. A host to
        which the network does not lead, or an address that is nowhere, has an address at which
        nothing answers.
        """

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name in LOOPBACK:
                return resolve(host, port, *args, **kwargs)
            target = self._hosts.get(f"{name}:{port}")
            if target is None and (f"{name}:{port}" in self._timed_out or _is_address(name)):
                return resolve(BLACK_HOLE, port, *args, **kwargs)
            if target is None:
                raise socket.gaierror(socket.EAI_NONAME, f"{name}:{port} is not a host of the lab")
            address, _, lab_port = target.rpartition(":")
            return resolve(address, int(lab_port), *args, **kwargs)

        return getaddrinfo


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Sleeping:
    """Replaces ``time.sleep``: sleeps end at a time of the lab's clock and take no real time.

    The lab moves its clock when all functions in flight sleep. A function sleeps when each of its
    threads sleeps or waits for another thread. Only the main thread and threads of thread pools
    that run a call are considered.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._changed = threading.Condition(threading.RLock())
        self._until: dict[int, float] = {}
        self._at_work = {threading.get_ident()}
        self._waiting: dict[int, Callable[[], bool]] = {}
        self._queued: dict[int, tuple[Any, Any]] = {}
        self._busy_threads: dict[Any, int] = {}
        self._pool_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()

    def install(self) -> None:
        """Patch ``time.sleep`` and the functions that wait for other threads."""
        time.sleep = self._sleep  # type: ignore[assignment]
        # For deadlines that the function measures itself. The standard library's own waits keep the
        # machine's clock.
        time.monotonic = time.time
        submit, join = ThreadPoolExecutor.submit, threading.Thread.join
        ThreadPoolExecutor.submit = self._submitting(submit)  # type: ignore[method-assign]
        for name in ("result", "exception"):
            original = getattr(Future, name)
            setattr(Future, name, self._waiting_for(original, Future.done))
        threading.Thread.join = self._waiting_for(  # type: ignore[method-assign]
            join, self._has_ended
        )
        threading.Thread(target=self._keep, daemon=True).start()

    def _sleep(self, seconds: float) -> None:
        self.sleep_until(time.time() + max(seconds, 0.0))

    def sleep_until(self, instant: float) -> None:
        """Let the calling thread sleep until an instant of the lab's clock."""
        thread = threading.get_ident()
        with self._changed:
            if instant > time.time():
                self._until[thread] = instant
            self._changed.notify_all()
            self._changed.wait_for(lambda: thread not in self._until)

    def _waiting_for(
        self, original: Callable[..., Any], over: Callable[[Any], bool]
    ) -> Callable[..., Any]:
        @functools.wraps(original)
        def wait(other: Any, *args: Any, **kwargs: Any) -> Any:
            thread = threading.get_ident()
            with self._changed:
                former = self._waiting.get(thread)
                self._waiting[thread] = lambda: over(other)
                self._changed.notify_all()
            try:
                return original(other, *args, **kwargs)
            finally:
                with self._changed:
                    del self._waiting[thread]
                    if former is not None:
                        self._waiting[thread] = former

        return wait

    def _has_ended(self, thread: threading.Thread) -> bool:
        """Whether a thread has ended, or is about to: nobody joins an idle thread of an open pool.

        The machine decides how long the end of a thread takes.
        """
        idle = thread in self._pool_threads and thread.ident not in self._at_work
        return idle or not thread.is_alive()

    def _submitting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def submit(pool: Any, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            ran_in: list[int] = []

            def work() -> Any:
                thread = threading.get_ident()
                with self._changed:
                    self._queued.pop(id(work), None)
                    ran_in.append(thread)
                    self._at_work.add(thread)
                    self._busy_threads[pool] = self._busy_threads.get(pool, 0) + 1
                return call(*args, **kwargs)

            # The thread works until those who wait for the result can see it, not until the call
            # returns: between the two, they would look as if they had to wait for something else.
            def end(_: Any) -> None:
                with self._changed:
                    self._queued.pop(id(work), None)
                    for thread in ran_in:
                        self._at_work.discard(thread)
                        self._busy_threads[pool] -= 1
                        if not self._busy_threads[pool]:
                            del self._busy_threads[pool]
                    self._changed.notify_all()

            with self._changed:
                future = original(pool, work)
                self._queued[id(work)] = pool, future
                self._pool_threads.update(pool._threads)  # noqa: SLF001 - no public name
            future.add_done_callback(end)
            return future

        return submit

    def _asleep(self) -> bool:
        """Whether at least one thread sleeps and no thread works."""
        for thread in self._at_work - set(self._until):
            over = self._waiting.get(thread)
            if over is None or over():
                return False
        for pool, future in self._queued.values():
            if not future.done() and self._busy_threads.get(pool, 0) < pool._max_workers:  # noqa: SLF001 - no public name
                return False
        return bool(self._until)

    def _keep(self) -> None:
        """Report each sleep of the whole function to the lab, and wake the threads that are due."""
        while True:
            with self._changed:
                self._changed.wait_for(self._asleep)
                until = min(self._until.values())
            self._lab.sleep(until)
            with self._changed:
                for thread in [t for t, wakes in self._until.items() if wakes <= until]:
                    del self._until[thread]
                self._changed.notify_all()


class HeldResponses:
    """Applies the lab's clock to held responses, and to the timeouts of clients and connections.

    The lab announces a held response with an interim response (``net/held_responses.py``). A client
    whose timeout is shorter sleeps for its timeout on the lab's clock, and then gets the error that
    it would get on AWS. The timeouts of sockets are in real time and therefore much longer.
    """

    def __init__(self, sleeping: Sleeping) -> None:
        self._sleeping = sleeping

    def install(self) -> None:
        """Patch the HTTP client of the standard library, on which all others are built."""
        connection, response = http.client.HTTPConnection, http.client.HTTPResponse
        connection.endheaders = self._marking(connection.endheaders)  # type: ignore[method-assign]
        response._read_status = self._waiting(response._read_status)  # type: ignore[attr-defined]  # noqa: SLF001 - no public name
        response.begin = self._noticing(response.begin)  # type: ignore[method-assign, assignment]
        ssl.SSLSocket.read = self._slowing(ssl.SSLSocket.read)  # type: ignore[method-assign]
        set_timeout, get_timeout = socket.socket.settimeout, socket.socket.gettimeout

        def settimeout(this: socket.socket, seconds: float | None) -> None:
            set_timeout(this, seconds + REAL_TIMEOUT_SECONDS if seconds else seconds)

        def gettimeout(this: socket.socket) -> float | None:
            seconds = get_timeout(this)
            return seconds - REAL_TIMEOUT_SECONDS if seconds else seconds

        connect_at_once = socket.socket.connect

        def connect(this: socket.socket, address: Any) -> None:
            if not isinstance(address, tuple) or address[0] != BLACK_HOLE:
                connect_at_once(this, address)
                return
            timeout = this.gettimeout()
            self._sleeping.sleep_until(time.time() + min(timeout or SYN_SECONDS, SYN_SECONDS))
            if timeout is None or timeout > SYN_SECONDS:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            raise TimeoutError("timed out")

        for replacement in (settimeout, gettimeout, connect):
            setattr(socket.socket, replacement.__name__, replacement)

    def _marking(self, end: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(end)
        def endheaders(connection: Any, *args: Any, **kwargs: Any) -> None:
            connection.putheader("X-Lab-Clock", "1")
            end(connection, *args, **kwargs)

        return endheaders

    def _waiting(self, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(read)
        def wait(response: Any) -> Any:
            while (status := read(response))[2].strip() == "Held":
                held = http.client.parse_headers(response.fp)
                until = float(held["X-Lab-Until"])
                connection = response.fp.raw._sock  # noqa: SLF001 - no public name
                timeout = connection.gettimeout()
                gives_up = math.inf if timeout is None else time.time() + timeout
                self._sleeping.sleep_until(min(until, gives_up))
                if gives_up <= until:
                    if "X-Lab-Notices" in held:
                        _hang_up(connection)
                    raise TimeoutError("timed out")
            return status

        return wait

    def _noticing(self, begin: Callable[[Any], None]) -> Callable[[Any], None]:
        """Mark the socket of a response whose body is sent slowly."""

        @functools.wraps(begin)
        def notice(response: Any) -> None:
            begin(response)
            seconds = response.headers.get("X-Lab-Seconds-Per-Byte")
            if seconds is not None and response.fp is not None:
                response.fp.raw._sock.lab_seconds_per_byte = float(seconds)  # noqa: SLF001 - no public name

        return notice

    def _slowing(self, read: Callable[..., Any]) -> Callable[..., Any]:
        """Delay each byte of a slow response in lab time, at most by the timeout of the socket."""

        @functools.wraps(read)
        def slow(this: Any, length: int = 1024, buffer: Any = None) -> Any:
            seconds = getattr(this, "lab_seconds_per_byte", None)
            if seconds is None:
                return read(this, length, buffer)
            timeout = this.gettimeout()
            gives_up = math.inf if timeout is None else timeout
            self._sleeping.sleep_until(time.time() + min(seconds, gives_up))
            if gives_up <= seconds:
                raise TimeoutError("timed out")
            return read(this, 1, buffer)

        return slow


def _hang_up(connection: socket.socket) -> None:
    """Close a connection for writing, and wait in real time until the lab has noticed it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


def search_path(task_root: str, layers: str, packages: str) -> list[str]:
    """Return the folders that precede the standard library in the search path, in Lambda's order.

    Source: Lambda Developer Guide, "Packaging your layer content" and "Search paths for runtime
    dependencies": the function's code, then layers, then the runtime's packages.
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
    sleeping = Sleeping(lab)
    sleeping.install()
    HeldResponses(sleeping).install()

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
    """Load the function, then fork a process per request; returns only in forked processes."""
    # The runtime client is not loaded: its native part would keep the current address.
    from botocore.loaders import JSONFileLoader  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    # Read the SDK's models, megabytes of JSON, once instead of in each copy.
    load = JSONFileLoader.load_file
    read = functools.cache(lambda path: load(JSONFileLoader(), path))
    JSONFileLoader.load_file = lambda _, path: read(path)  # type: ignore[method-assign, assignment]
    for service in services:
        get_session().create_client(service, region_name=os.environ["AWS_REGION"])
    handler = os.environ["_HANDLER"].rpartition(".")[0].replace("/", ".")
    for name in (handler, *modules):
        importlib.import_module(name)
    gc.freeze()
    # This process does not wait for the copies: the lab does.
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
