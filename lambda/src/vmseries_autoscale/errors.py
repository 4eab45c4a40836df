"""All errors that this package raises on purpose, grouped by how the caller handles them.

::

    AutoscaleError
    ├── InvalidInvocationError                  the function does not handle its event
    ├── UnconfirmedMessageError                 SQS does not confirm that the message is in flight
    ├── InvalidMessageError                     no retry can help: sent to the dead-letter queue
    │   ├── MalformedEventError                 not a lifecycle event in EventBridge's JSON format
    │   ├── UnexpectedEventError                for another group, hook or kind of event
    │   ├── UnsupportedTransitionError          a transition that this version does not handle
    │   └── UnprovenTerminationError            nothing proves that the instance is ours and leaves
    ├── TransientError                          clears without action: retried, not counted
    │   ├── EventualConsistencyError            EC2 still returns an earlier state
    │   ├── TimeBudgetExceededError             the invocation ends before all work is done
    │   ├── RecordConflictError                 another invocation wrote a firewall's record first
    │   └── DeviceBusyError                     Panorama: commit, lock, queue, session, failover
    │       └── DeniedOnPeerError               not allowed in the state of this peer of a pair
    ├── RetryableError                          retried and counted: an operator may have to act
    │   ├── CapacityError                       a quota or a full subnet: permanent after minutes
    │   ├── TargetReusedError                   a firewall got the address of a removed target
    │   ├── SecretError                         a secret is unreadable or has the wrong keys
    │   ├── CreditPoolError                     the vendor's credit-pool API did not answer
    │   ├── RecordError                         the table of firewalls' records cannot be used
    │   │   └── RecordFormatError               a record has a value that cannot be read
    │   ├── LicenseError                        a license cannot be returned now
    │   │   ├── LicenseServerUnreachableError   the device cannot reach Palo Alto's license server
    │   │   ├── LicensingKeyError               the licensing API key is missing or rejected
    │   │   ├── SecondaryPeerError              the active Panorama peer returns no licenses
    │   │   └── LicenseManagerError             the license manager does not list the firewall
    │   └── PanOsError                          a PAN-OS device, Panorama or a firewall, failed
    │       ├── DeviceUnavailableError          no response, or not from the XML API
    │       │   ├── DeviceCertificateError      the server's certificate is not trusted
    │       │   └── DeviceTimeoutError          connected, but no response in time
    │       ├── DeviceAccessError               key, password or role rejected
    │       ├── DeviceRefusedError              any other refusal, with its code and text
    │       │   ├── ObjectReferencedError       the object to remove is still referenced
    │       │   └── FullCommitRequiredError     a partial commit is not possible
    │       ├── FirewallNotConnectedError       Panorama is not connected to the firewall
    │       ├── NothingToCommitError            another administrator holds the change
    │       └── CommitFailedError               a commit job ended with FAIL
    ├── PermanentError                          no retry can help: the launch is abandoned
    │   ├── InterfaceLayoutError                the interfaces do not fit the instance
    │   ├── BootedWithoutInterfacesError        the firewall booted without its interfaces
    │   ├── WrongGroupError                     the firewall registered in other groups of Panorama
    │   └── Ec2RefusedError                     EC2 refuses the call permanently
    └── SettingsError                           the function's settings are wrong

An error outside this tree is a defect, or an AWS error without a class of its own. It is retried
and counted like a RetryableError, and logged with its traceback. Throttling by AWS is retried like
a TransientError, but counted, so that frequent throttling is visible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

PANORAMA: Final = "Panorama"
"""The ``device`` attribute of errors from Panorama."""

STRATA_CLOUD_MANAGER: Final = "Strata Cloud Manager"
"""The ``device`` attribute of errors from Strata Cloud Manager and its identity service."""

QUOTED_CHARACTERS: Final = 100


def shortened(text: str, maximum: int) -> str:
    """Return a text of at most ``maximum`` characters; one that was cut ends with an ellipsis."""
    return text if len(text) <= maximum else f"{text[:maximum]}…"


def quote(value: object) -> str:
    """Return how an error message quotes a value: the beginning of a text, or another type's name.

    A queue or a device can send a text of any length. An object or a list can contain a token,
    wherever it is in the message.
    """
    text = repr(value) if isinstance(value, str) else f"of type {type(value).__name__}"
    return shortened(text, QUOTED_CHARACTERS)


def aws_error_code(error: ClientError) -> str:
    """Return the code of an AWS error, e.g. ``InvalidSubnetID.NotFound``."""
    return error.response.get("Error", {}).get("Code", "")


class AutoscaleError(Exception):
    """Base class of all errors of this package."""


class InvalidInvocationError(AutoscaleError):
    """The function does not handle the event with which it was invoked."""


class UnconfirmedMessageError(AutoscaleError):
    """SQS does not confirm that a record is a message in flight of the function's own queue."""


class InvalidMessageError(AutoscaleError):
    """A queue message that can never be processed."""


class MalformedEventError(InvalidMessageError):
    """The message is not a lifecycle event in EventBridge's format."""


class UnexpectedEventError(InvalidMessageError):
    """The event is well formed but not for this function."""


class UnsupportedTransitionError(InvalidMessageError):
    """The event's Origin and Destination are a transition that this version does not handle."""


class UnprovenTerminationError(InvalidMessageError):
    """Nothing proves that the instance of a terminate event is ours and leaves the group."""


class TransientError(AutoscaleError):
    """A condition that clears without any action."""


class EventualConsistencyError(TransientError):
    """EC2 still returns an earlier state than the state that it has already reported."""


class TimeBudgetExceededError(TransientError):
    """The invocation ends before all work is done. Completed work stays complete."""


class RecordConflictError(TransientError):
    """Another invocation has written a firewall's record since it was read."""


class DeviceBusyError(TransientError):
    """Panorama cannot execute the request now: commit, lock, full queue, expired session, failover.

    Attributes:
        device: Device that is busy: ``PANORAMA``.
    """

    def __init__(self, device: str, message: str) -> None:
        super().__init__(message)
        self.device = device


class DeniedOnPeerError(DeviceBusyError):
    """A peer of a pair does not execute this command in its state (code 15)."""


class RetryableError(AutoscaleError):
    """A later visit may succeed."""


class CapacityError(RetryableError):
    """EC2 has no capacity left, or the permission is not effective yet."""


class TargetReusedError(RetryableError):
    """A firewall got the address of a target while the reconcile function deregistered it."""


class SecretError(RetryableError):
    """A secret is missing, unreadable, or has the wrong keys."""


class CreditPoolError(RetryableError):
    """Palo Alto Networks' credit-pool API did not answer, refused, or answered something else."""


class CreditPoolBusyError(CreditPoolError, TransientError):
    """The credit-pool API is busy or out of service. A later run asks again."""


class RecordError(RetryableError):
    """The table with the records of firewalls cannot be read or written."""


class RecordFormatError(RecordError):
    """A firewall's record has a value that cannot be read."""


class LicenseError(RetryableError):
    """A license cannot be returned now. An operator may have to remove the cause."""


class LicenseServerUnreachableError(LicenseError):
    """The device that returns the license cannot reach Palo Alto's license server."""


class LicensingKeyError(LicenseError):
    """The licensing API key is missing, expired, or belongs to another account."""


class SecondaryPeerError(LicenseError):
    """The active peer of the Panorama pair is the secondary one, which returns no licenses."""


class LicenseManagerError(LicenseError):
    """A firewall has a license that the license plugin's license manager does not list."""


class PanOsError(RetryableError):
    """A PAN-OS device did not execute a request.

    Attributes:
        device: Device that received the request: ``PANORAMA``, also for requests that it forwards
            to a firewall, or ``firewall`` and the firewall's address.
    """

    def __init__(self, device: str, message: str) -> None:
        super().__init__(message)
        self.device = device


class DeviceUnavailableError(PanOsError):
    """The device did not respond, or its response does not come from the XML API."""


class DeviceCertificateError(DeviceUnavailableError):
    """The certificate of the server that responded is not trusted."""


class DeviceTimeoutError(DeviceUnavailableError):
    """The device accepted the request and did not respond in time. It may still execute it."""


class DeviceAccessError(PanOsError):
    """The device rejects the administrator's key, password or role."""


class DeviceRefusedError(PanOsError):
    """The device refuses the request.

    Attributes:
        code: Error code of the XML API; ``None`` if the response has none.
        text: Text of the response.
    """

    def __init__(self, device: str, code: str | None, text: str) -> None:
        super().__init__(device, f"{device} refused the request (code {code or 'none'}): {text}")
        self.code = code
        self.text = text


class ObjectReferencedError(DeviceRefusedError):
    """The configuration still refers to the object to remove. The text names the reference."""


class FullCommitRequiredError(DeviceRefusedError):
    """Panorama requires a full commit, which would include other administrators' changes."""


class FirewallNotConnectedError(PanOsError):
    """Panorama is not connected to the firewall that the request is for."""


class NothingToCommitError(PanOsError):
    """Another administrator removed the firewalls from the candidate configuration."""


class CommitFailedError(PanOsError):
    """A commit job ended with FAIL."""


class VmAuthKeysError(PanOsError):
    """Panorama's list of VM auth keys is in an unknown format."""


class PermanentError(AutoscaleError):
    """No later visit can succeed."""


class InterfaceLayoutError(PermanentError):
    """The configured interfaces do not fit the instance."""


class BootedWithoutInterfacesError(PermanentError):
    """The firewall booted before its interfaces were attached. It detects them only at boot."""


class WrongGroupError(PermanentError):
    """The firewall registered in another device group or template stack than the configured one."""


class Ec2RefusedError(PermanentError):
    """EC2 refuses a call permanently."""


class SettingsError(AutoscaleError):
    """The settings document is missing or wrong."""
