"""Panorama's refusals: what each code and text means to a visit.

Texts are as they were recorded or as pan-os-python knows them; the codes' are the documentation's,
"PAN-OS XML API Error Codes". Where a text was recorded with a code that says something else, the
table has it with that code.
"""

from __future__ import annotations

import pytest

from vmseries_autoscale.errors import (
    AutoscaleError,
    CommitFailedError,
    FirewallNotConnectedError,
    FullCommitRequiredError,
    ObjectReferencedError,
    PanoramaAccessError,
    PanoramaBusyError,
    PanoramaCertificateError,
    PanoramaError,
    PanoramaRefusedError,
    PanoramaUnavailableError,
    TransientError,
)
from vmseries_autoscale.pan_os.errors import meaning, of_failed_commit
from vmseries_autoscale.panorama import Job

AGAIN: list[tuple[str | None, str]] = [
    # Commits.
    ("13", "A commit is pending. Please try again later."),
    ("13", "Another commit/validate is in progress. Please try again later."),
    ("13", "Another commit is in progress. Please try again later."),
    ("13", "Another validate is in progress. Please try again later."),
    (None, "A commit is in progress."),
    (None, "You cannot commit while an install is in progress. Please try again later."),
    (None, "Local commit jobs are queued. Revert operation is not allowed."),
    # Ten in the queue: how PAN-OS words it is not recorded.
    ("13", "The commit queue is full. Please try again later."),
    (None, "Maximum number of commit jobs queued."),
    (None, "The number of queued commits exceeds the limit of the commit queue: it is full"),
    # Locks.
    (None, "Timed out while getting config lock. Please try again."),
    ("14", "Other administrators are holding device wide commit locks."),
    ("14", "Other administrators are holding commit locks."),
    (None, "Other administrators are holding config locks for scope shared"),
    (None, "Commit lock is already held by operator"),
    (None, "Config lock is already held by operator"),
    (None, "Configuration is locked by operator"),
    (None, "Config for scope shared is currently locked by operator"),
    (None, "This operation is blocked because of a lock"),
    # Sessions and start.
    ("22", "Session timed out"),
    (None, "Session timed out"),
    ("22", "None"),
    (None, "op command for client mgmtsrvr timed out as client is not available"),
    # High availability.
    ("15", "None"),
    ("15", "Operation denied"),
    (None, "This command is not allowed on a passive device"),
    (None, "Failed to synchronize running configuration with HA peer"),
    (None, "Another sync is in progress. Please try again later"),
    ("7", "job 19 not found"),
]

NAMED: list[tuple[str | None, str, type[AutoscaleError]]] = [
    # Who asks.
    (None, "Invalid credentials.", PanoramaAccessError),
    ("403", "Invalid Credential", PanoramaAccessError),
    ("16", "Unauthorized request", PanoramaAccessError),
    ("16", "None", PanoramaAccessError),
    (None, "URLError: code: 403 reason: Forbidden", PanoramaAccessError),
    (None, "URLError: code: 401 reason: Unauthorized", PanoramaAccessError),
    # No answer, or none of Panorama's.
    (None, "URLError: code: 502 reason: Bad Gateway", PanoramaUnavailableError),
    (None, "URLError: code: 503 reason: Service Unavailable", PanoramaUnavailableError),
    (None, "URLError: reason: [Errno 111] Connection refused", PanoramaUnavailableError),
    (None, "URLError: reason: [Errno 104] Connection reset by peer", PanoramaUnavailableError),
    (None, "URLError: reason: timed out", PanoramaUnavailableError),
    (
        None,
        "URLError: reason: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
        PanoramaCertificateError,
    ),
    (None, "ElementTree.fromstring ParseError: no element found", PanoramaUnavailableError),
    (None, "no handler for content-type: text/html", PanoramaUnavailableError),
    (None, "no response element status attribute", PanoramaUnavailableError),
    # What is referred to; its names are the administrators' own.
    (
        "10",
        "S1 cannot be deleted because of references from:\nA passive rule",
        ObjectReferencedError,
    ),
    (
        None,
        "S1 cannot be deleted because of references from:\nnot connected",
        ObjectReferencedError,
    ),
    ("10", "None", ObjectReferencedError),
    # What only a full commit could do, which would commit others' edits.
    (
        None,
        "Partial revert is not allowed. Full system commit must be completed.",
        FullCommitRequiredError,
    ),
    ("14", "Full commit is required", FullCommitRequiredError),
    ("13", "This change requires a full commit. Please try again later.", FullCommitRequiredError),
    # Firewalls behind Panorama.
    (None, "007951000012345 not connected", FirewallNotConnectedError),
    # The rest, with its code.
    ("1", "Unknown command", PanoramaRefusedError),
    ("6", "Bad xpath", PanoramaRefusedError),
    ("7", "Object not present", PanoramaRefusedError),
    ("8", "Object not unique", PanoramaRefusedError),
    ("11", "Internal error", PanoramaRefusedError),
    ("12", "Invalid object", PanoramaRefusedError),
    ("13", "Object not found", PanoramaRefusedError),
    ("14", "Operation not possible", PanoramaRefusedError),
    ("17", "Invalid command", PanoramaRefusedError),
    ("18", "Malformed command", PanoramaRefusedError),
    (None, "None", PanoramaRefusedError),
]


@pytest.mark.documents(id="panorama/contention/job-unknown")
@pytest.mark.documents(id="panorama/contention/transient-texts")
@pytest.mark.parametrize(("code", "text"), AGAIN)
def test_what_passes_by_itself_is_waited_for(code: str | None, text: str) -> None:
    error = meaning(code, text)
    assert type(error) is PanoramaBusyError
    assert isinstance(error, TransientError)
    assert text in str(error)


@pytest.mark.documents(id="panorama/contention/error-texts")
@pytest.mark.parametrize(("code", "text", "expected"), NAMED)
def test_everything_else_has_a_name(
    code: str | None, text: str, expected: type[AutoscaleError]
) -> None:
    error = meaning(code, text)
    assert type(error) is expected
    assert isinstance(error, PanoramaError), "which is counted, and tried again"


def test_a_refusal_keeps_its_code_and_text() -> None:
    error = meaning("12", "something")
    assert isinstance(error, PanoramaRefusedError)
    assert (error.code, error.text) == ("12", "something")


@pytest.mark.documents(id="panorama/commit/failed")
@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("template-stack -> TS -> devices 'S1' is not a valid reference", CommitFailedError),
        ("Full commit is required", FullCommitRequiredError),
    ],
)
def test_a_failed_commit_is_told_with_its_details(
    reason: str, expected: type[PanoramaError]
) -> None:
    error = of_failed_commit(Job("7", True, True, ("Validation Error:", reason)), "and so on")
    assert type(error) is expected
    assert f"commit job 7 failed, and so on: Validation Error:; {reason}" in str(error)
