"""Errors of the XML API: how each code and text is classified.

The texts were recorded or are those that pan-os-python knows. The codes are those of the
documentation, "PAN-OS XML API Error Codes". If a text was recorded with a code of another meaning,
the table has that code.
"""

from __future__ import annotations

import pytest

from vmseries_autoscale.errors import (
    PANORAMA,
    AutoscaleError,
    CommitFailedError,
    DeniedOnPeerError,
    DeviceAccessError,
    DeviceBusyError,
    DeviceRefusedError,
    FirewallNotConnectedError,
    FullCommitRequiredError,
    ObjectReferencedError,
    PanOsError,
    TransientError,
)
from vmseries_autoscale.pan_os.errors import classify_pan_os_error
from vmseries_autoscale.panorama import Job
from vmseries_autoscale.panorama.removal import failed_commit_error

FIREWALL = "firewall 10.0.1.7"

TEMPORARY: list[tuple[str | None, str]] = [
    # Commits.
    ("13", "A commit is pending. Please try again later."),
    ("13", "Another commit/validate is in progress. Please try again later."),
    ("13", "Another commit is in progress. Please try again later."),
    ("13", "Another validate is in progress. Please try again later."),
    (None, "A commit is in progress."),
    (None, "You cannot commit while an install is in progress. Please try again later."),
    (None, "Local commit jobs are queued. Revert operation is not allowed."),
    # A full queue of ten commits; the exact text was not recorded.
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

OTHER: list[tuple[str | None, str, type[AutoscaleError]]] = [
    # The administrator.
    (None, "Invalid credentials.", DeviceAccessError),
    ("403", "Invalid Credential", DeviceAccessError),
    ("16", "Unauthorized request", DeviceAccessError),
    ("16", "None", DeviceAccessError),
    # References; the names in the text are chosen by administrators.
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
    # Operations that need a full commit, which would include other administrators' changes.
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
    ("1", "Unknown command", DeviceRefusedError),
    ("6", "Bad xpath", DeviceRefusedError),
    ("7", "Object not present", DeviceRefusedError),
    ("8", "Object not unique", DeviceRefusedError),
    ("11", "Internal error", DeviceRefusedError),
    ("12", "Invalid object", DeviceRefusedError),
    ("13", "Object not found", DeviceRefusedError),
    ("14", "Operation not possible", DeviceRefusedError),
    ("17", "Invalid command", DeviceRefusedError),
    ("18", "Malformed command", DeviceRefusedError),
    (None, "None", DeviceRefusedError),
]


@pytest.mark.documents(id="panorama/contention/job-unknown")
@pytest.mark.documents(id="panorama/contention/transient-texts")
@pytest.mark.parametrize(("code", "text"), TEMPORARY)
def test_a_temporary_condition_is_a_busy_error(code: str | None, text: str) -> None:
    error = classify_pan_os_error(PANORAMA, code, text)
    assert type(error) is (DeniedOnPeerError if code == "15" else DeviceBusyError)
    assert isinstance(error, TransientError)
    assert text in str(error)


@pytest.mark.documents(id="panorama/contention/error-texts")
@pytest.mark.parametrize(("code", "text", "expected"), OTHER)
def test_every_other_refusal_has_its_own_error(
    code: str | None, text: str, expected: type[AutoscaleError]
) -> None:
    error = classify_pan_os_error(PANORAMA, code, text)
    assert type(error) is expected
    assert isinstance(error, PanOsError), "it is counted and retried"


@pytest.mark.parametrize(("code", "text"), [*TEMPORARY, (None, "007951000012345 not connected")])
def test_a_busy_or_disconnected_text_from_a_firewall_is_a_plain_refusal(
    code: str | None, text: str
) -> None:
    error = classify_pan_os_error(FIREWALL, code, text)
    assert type(error) is DeviceRefusedError
    assert (error.device, error.code, error.text) == (FIREWALL, code, text)


@pytest.mark.parametrize("device", [PANORAMA, FIREWALL])
@pytest.mark.parametrize(("code", "text", "expected"), OTHER)
def test_every_error_names_its_device(
    device: str, code: str | None, text: str, expected: type[AutoscaleError]
) -> None:
    if device == FIREWALL and expected is FirewallNotConnectedError:
        expected = DeviceRefusedError
    error = classify_pan_os_error(device, code, text)
    assert type(error) is expected
    assert isinstance(error, PanOsError)
    assert error.device == device
    assert device in str(error)


def test_a_refusal_keeps_its_code_and_text() -> None:
    error = classify_pan_os_error(PANORAMA, "12", "something")
    assert isinstance(error, DeviceRefusedError)
    assert (error.code, error.text) == ("12", "something")


@pytest.mark.documents(id="panorama/commit/failed")
@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("template-stack -> TS -> devices 'S1' is not a valid reference", CommitFailedError),
        ("Full commit is required", FullCommitRequiredError),
    ],
)
def test_a_failed_commit_is_reported_with_its_details(
    reason: str, expected: type[PanOsError]
) -> None:
    error = failed_commit_error(Job("7", True, True, ("Validation Error:", reason)), "and so on")
    assert type(error) is expected
    assert f"commit job 7 failed, and so on: Validation Error:; {reason}" in str(error)
