"""Execution environments: started, reused and ended."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from vmseries_lab.aws.lambda_.code_packages import CodePackages
from vmseries_lab.aws.lambda_.configuration import configuration_key
from vmseries_lab.aws.lambda_.environment_variables import running_environment
from vmseries_lab.aws.lambda_.logs import stream_name
from vmseries_lab.aws.lambda_.runtime_api import Worker
from vmseries_lab.aws.lambda_.snapshots import Snapshots
from vmseries_lab.aws.moto_patching import backend
from vmseries_lab.core.location import LOCATION
from vmseries_lab.core.world import World
from vmseries_lab.net import connection_owner


class ExecutionEnvironments:
    """The execution environments of all functions.

    Args:
        world: the lab.
        uploads: code packages of functions.
        snapshots: processes to fork workers from.
    """

    def __init__(self, world: World, uploads: CodePackages, snapshots: Snapshots) -> None:
        self._world = world
        self._uploads = uploads
        self._snapshots = snapshots
        self._lock = threading.Lock()
        self._idle: dict[str, list[Worker]] = defaultdict(list)
        self._current: dict[str, str] = {}
        self._workers: dict[str, Worker] = {}
        self._functions: dict[str, Any] = {}

    def update(self, function: Any) -> str:
        """End the idle environments of former code or configuration of a function.

        Returns:
            Key of its current code and configuration, for which environments are reused.
        """
        key = configuration_key(function)
        with self._lock:
            former = self._current.get(function.function_arn)
            self._current[function.function_arn] = key
            stale = [] if former is None or former == key else self._remove_idle([former])
        for worker in stale:
            worker.kill()
        return key

    def take(self, key: str) -> Worker | None:
        """Return an idle environment, ``None`` if there is none."""
        with self._lock:
            idle = self._idle[key]
            while idle:
                worker = idle.pop()
                if worker.alive:
                    return worker
        return None

    def launch(self, function: Any) -> Worker:
        """Start an environment with credentials of the function's role."""
        task_root, layers = self._uploads.unpack(function)
        with self._world.lock:
            session = backend("sts").assume_role(
                region_name=LOCATION.region,
                role_session_name=function.function_name,
                role_arn=function.role,
                policy="",
                duration=43200,
                external_id="",
            )
        stream = stream_name(self._world.clock.utc(), function)
        worker = Worker(
            environment=running_environment(
                function, session, stream, task_root, self._world.endpoint
            ),
            task_root=task_root,
            layers=layers,
            packages=self._uploads.runtime(),
            facts=lambda: self._facts(function),
            sleep_until=self._sleep_until,
            access_key=session.access_key_id,
            log_stream=stream,
            snapshot=self._snapshots.find(task_root, layers, function.handler),
        )
        with self._lock:
            self._workers[worker.access_key] = worker
            self._functions[worker.access_key] = function
        return worker

    def release(self, function: Any, key: str, worker: Worker, *, alive: bool) -> None:
        """Keep an environment for the next invocation, unless it has ended or is out of date."""
        with self._lock:
            keep = alive and self._current.get(function.function_arn) == key
            if keep:
                self._idle[key].append(worker)
            else:
                self._workers.pop(worker.access_key, None)
                self._functions.pop(worker.access_key, None)
        if not keep:
            worker.kill()

    def end_idle(self) -> None:
        """End all idle environments."""
        with self._lock:
            idle = self._remove_idle(list(self._idle))
        for worker in idle:
            worker.kill()

    def forget(self, name: str) -> None:
        """End the idle environments of a function that was deleted."""
        with self._lock:
            arns = [
                arn for arn in self._current if arn.split(":function:")[1].split(":")[0] == name
            ]
            idle = self._remove_idle([self._current.pop(arn) for arn in arns])
        for worker in idle:
            worker.kill()

    def _remove_idle(self, keys: list[str]) -> list[Worker]:
        """Remove the idle environments with these keys and return them; the lock must be held."""
        idle = [worker for key in keys for worker in self._idle.pop(key, [])]
        for worker in idle:
            self._workers.pop(worker.access_key, None)
            self._functions.pop(worker.access_key, None)
        return idle

    def crash(self, access_key: str) -> None:
        """Kill the process with this access key at once."""
        with self._lock:
            worker = self._workers.get(access_key)
        if worker is not None:
            worker.kill_process()

    def cut_off(self, access_key: str, service: str) -> bool:
        """Whether the function with this access key has no path to the API of a service."""
        with self._lock:
            function = self._functions.get(access_key)
        if function is None or not function.vpc_config:
            return False
        with self._world.lock:
            return not self._world.reaches_service(function.vpc_config, service)

    def caller(self, port: int) -> str:
        """Return the access key of the function that uses a local port, empty if there is none.

        If a single function runs, it is returned without a look-up.
        """
        with self._lock:
            idle = {worker.access_key for workers in self._idle.values() for worker in workers}
            running = {w.pid: key for key, w in self._workers.items() if key not in idle}
        process = (
            next(iter(running)) if len(running) == 1 else connection_owner.caller(port, running)
        )
        return running[process] if process is not None else ""

    def stop(self) -> None:
        """End every process."""
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
            self._idle.clear()
        for worker in workers:
            worker.kill()

    def _sleep_until(self, instant: float, alive: Callable[[], bool]) -> None:
        """Wait for an instant of the lab, which may come at once when all that runs sleeps."""
        self._world.wake()
        self._world.clock.sleep_until(instant, alive)

    def _facts(self, function: Any) -> dict[str, Any]:
        reach = self._world.reach(function.vpc_config)
        return {
            "time": self._world.clock.now(),
            "hosts": reach.hosts,
            "timed_out": sorted(reach.timed_out),
        }
