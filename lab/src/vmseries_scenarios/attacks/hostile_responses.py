"""A server in place of Panorama, with responses that no real Panorama returns.

Such a response must not end the process, fill the memory, hold the function until its timeout, or
raise an unnamed error. Each response is sent to a launch and a termination, which must complete
afterwards.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from vmseries_lab.panorama.initial_config import AUTOSCALE
from vmseries_scenarios.attacks.result import Result
from vmseries_scenarios.attacks.site import NUMBER_ATTACKED, Site
from vmseries_scenarios.attacks.watch import Watch
from vmseries_scenarios.deployment import MINUTE, DeploymentError

RIGHTS = "responds in place of Panorama, with its certificate"
REPORT_MINUTES = 12
"""Limit of lab time until the functions have reported a response: two visits are at most five
minutes apart."""
ACCEPTED_BYTES = 32 << 20
"""Limit: what the functions may read, and what the buffers of the connection can hold."""
INVOCATION_SECONDS = 120.0
"""Limit of lab time for one invocation, with several requests."""
LOGGED_CHARACTERS = 20_000
"""Limit of a line of the log."""
UNTIL_COMPLETE_MINUTES = 40
DEADLINE_MINUTES = 50
"""Longer than the deadline of a launch."""
ABANDONED = "launch-abandoned"
"""Alarm of a launch that was abandoned."""
SUCCESS = '<response status="success"><result>{}</result></response>'
REFUSAL = '<response status="error"><msg><line>{}</line></msg></response>'
UNNAMED = frozenset(
    {
        "AttributeError",
        "IndexError",
        "KeyError",
        "MemoryError",
        "RecursionError",
        "TypeError",
        "ValueError",
        "ParseError",
        "IncompleteRead",
    }
)
"""Errors of Python and its libraries, which say nothing to an operator."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A response that replaces Panorama's.

    Attributes:
        name: What is wrong with it.
        response: Settings of the fault ``replace``.
        action: Action of the requests that it responds to, as in the lab's log of requests.
        subject: Subject of these requests, as in the same log.
        functions: Functions that must log a named error because of it.
        lasting: Whether the transitions must complete while it lasts, because it leaves out
            nothing that they need.
        warning: Message in the log of the terminate function that reports it.
    """

    name: str
    response: dict[str, Any] = field(repr=False)
    action: str = "*"
    subject: str = "*"
    functions: tuple[str, ...] = ("launch", "terminate")
    lasting: bool = False
    warning: str = ""


def responses(elsewhere: str) -> list[Hostile]:
    """Return the responses; ``elsewhere`` is the URL of a server without TLS."""
    job = (
        f"<job><id>{{}}</id><type>Commit</type><user>{AUTOSCALE.name}</user>"
        "<status>FIN</status><result>OK</result></job>"
    )
    laughs = "".join(f'<!ENTITY l{level + 1} "{f"&l{level};" * 10}">' for level in range(9))
    return [
        Hostile("200,000 nested elements", {"body": "<a>" * 200_000 + "</a>" * 200_000}),
        Hostile("a body of 1 GiB", {"body": "x" * 1024, "repeat": 1 << 20}),
        Hostile("a body without end", {"body": "<a/>" * 256, "repeat": None}),
        Hostile("one byte each second", {"body": SUCCESS * 2000, "seconds_per_byte": 1.0}),
        Hostile(
            "a redirect to a server without TLS",
            {"body": "", "status": 302, "headers": {"Location": elsewhere}},
        ),
        Hostile("a refusal of 5 MB", {"body": REFUSAL.format("no " * 1_700_000)}),
        Hostile("plain text", {"body": "starting", "content_type": "text/plain; charset=utf-8"}),
        Hostile(
            "entities that grow",
            {
                "body": f'<!DOCTYPE r [<!ENTITY l0 "ha">{laughs}]>'
                f'<response status="success"><result>&l9;</result></response>'
            },
        ),
        Hostile(
            "jobs whose numbers are no numbers",
            {"body": SUCCESS.format("".join(map(job.format, ("", "one", "9" * 5000))))},
            "show",
            "jobs all",
            functions=(),
            lasting=True,
        ),
        Hostile(
            "more responses than requests",
            {"body": f'<response status="success">{SUCCESS.format("") * 50}</response>'},
            "multi-config",
            functions=(),
            lasting=True,
            warning="Panorama refused the transaction",
        ),
    ]


def play(site: Site) -> Iterator[Result]:
    """Send each response to a launch and a termination."""
    with plain_server() as (url, requests):
        for hostile in responses(url):
            yield _respond(site, hostile, requests)
    yield _until_the_deadline(site)


def _respond(site: Site, hostile: Hostile, requests: list[str]) -> Result:
    leaving = site.members()[0]
    serial = site.attacked.serial(leaving)
    watch = Watch(site, ignored={leaving})
    before = len(requests)
    _replace(site, hostile)
    site.attacked.group.terminate(leaving)
    launching = site.launch_one()
    touched = [] if hostile.lasting else _until_reported(site, hostile, watch)
    if not hostile.lasting:
        site.lab.faults.clear()
    touched += _until_complete(site, launching, serial)
    site.lab.faults.clear()
    reported = watch.errors(hostile.functions)
    if hostile.lasting:
        reported = watch.errors(("terminate",)) + watch.warnings(hostile.warning)
        reported = reported or ["no report is needed: launch and termination completed"]
    if not watch.replaced():
        touched.append("no request received the response")
    if len(requests) > before:
        touched.append("a request was sent to the server without TLS")
    touched += [*watch.touched(), *_damage(watch)]
    watch.settle()
    return Result(f"F4: {hostile.name}", RIGHTS, touched, reported)


def _replace(site: Site, hostile: Hostile) -> None:
    site.lab.faults.add(
        "panorama",
        hostile.action,
        kind="replace",
        subject=hostile.subject,
        role="*",
        count=None,
        **{"status": 200, **hostile.response},
    )


def _until_reported(site: Site, hostile: Hostile, watch: Watch) -> list[str]:
    """Wait until each function has logged a named error; return those that have not."""
    for _ in range(REPORT_MINUTES):
        silent = [function for function in hostile.functions if not watch.errors((function,))]
        if not silent:
            break
        site.lab.advance(MINUTE)
    return [f"the {function} function reports no named error" for function in silent]


def _until_complete(site: Site, launching: str, serial: str) -> list[str]:
    """Wait until the launch and the termination are complete; return what is not as it should."""
    try:
        site.attacked.wait_until_in_service(NUMBER_ATTACKED, minutes=UNTIL_COMPLETE_MINUTES)
    except DeploymentError:
        return ["the launch and the termination did not complete"]
    problems = []
    if launching not in site.attacked.group.states():
        problems.append(f"the launch of {launching} was abandoned")
    return problems + site.left_behind(serial)


def _damage(watch: Watch) -> list[str]:
    """Return what the response did to the functions themselves."""
    damage = watch.crashes()
    if watch.sent() > ACCEPTED_BYTES:
        damage.append(f"{watch.sent() >> 20} MiB of the response were read")
    if (longest := watch.longest()) > INVOCATION_SECONDS:
        damage.append(f"an invocation took {longest:.0f} s")
    if (characters := watch.longest_line()) > LOGGED_CHARACTERS:
        damage.append(f"a line of the log has {characters} characters")
    damage += [line for line in watch.errors() if line.split()[0] in UNNAMED]
    return damage


def _until_the_deadline(site: Site) -> Result:
    """Send a response until the deadline of a launch has passed."""
    watch = Watch(site)
    _replace(site, responses("")[0])
    launching = site.launch_one()
    site.lab.advance(DEADLINE_MINUTES * MINUTE)
    touched = [*watch.touched(), *_damage(watch)]
    if site.attacked.group.states().get(launching, "").startswith("Pending"):
        touched.append(f"{launching} is not abandoned at its deadline")
    reported = [alarm for alarm in watch.alarms() if alarm.endswith(ABANDONED)]
    site.lab.faults.clear()
    site.restore()
    watch.settle()
    return Result("F4: hostile until the deadline of a launch", RIGHTS, touched, reported)


@contextmanager
def plain_server() -> Iterator[tuple[str, list[str]]]:
    """Serve without TLS on loopback; yields the URL and the requests that arrive."""
    requests: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            body = SUCCESS.format("").encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
