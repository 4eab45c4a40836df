"""Everything that can go wrong on purpose, by what the caller does about it.

::

    AutoscaleError
    ├── InvalidMessageError                     to the dead-letter queue at once
    │   ├── MalformedEventError                 not the JSON that EventBridge sends
    │   ├── UnexpectedEventError                another group, another hook, another kind of event
    │   └── UnsupportedTransitionError          a transition that this version does not act on
    ├── TransientError                          come back: this is how waiting looks from outside
    │   ├── EventualConsistencyError            EC2 has not caught up with itself
    │   ├── TimeBudgetExceededError             the run ends before everything is done
    │   └── PanoramaBusyError                   commits, locks, queue, session, failover
    ├── RetryableError                          retried and counted: an operator may have to act
    │   ├── CapacityError                       a quota, a full subnet: permanent after some minutes
    │   ├── SecretError                         a secret that cannot be read or has the wrong shape
    │   ├── LicenseError                        a license that cannot be given back now
    │   │   ├── LicenseServerUnreachableError   the firewall does not reach Palo Alto's servers
    │   │   ├── LicensingKeyError               the licensing API key is missing or not taken
    │   │   └── LicenseManagerError             the plugin does not know a firewall that is licensed
    │   ├── PanoramaError
    │   │   ├── PanoramaUnavailableError        no answer, or not one of the XML API
    │   │   │   ├── PanoramaCertificateError    the server is not who it should be
    │   │   │   └── PanoramaTimeoutError        connected and asked, but no answer in time
    │   │   ├── PanoramaAccessError             key, password or role refused
    │   │   ├── PanoramaRefusedError            any other refusal, with its code and text
    │   │   │   ├── ObjectReferencedError       something still refers to what is to be removed
    │   │   │   └── FullCommitRequiredError     a partial commit is not possible
    │   │   ├── FirewallNotConnectedError       Panorama cannot forward to the firewall
    │   │   ├── NothingToCommitError            somebody else's edits hold what we wait for
    │   │   └── CommitFailedError               a commit job ended with FAIL
    │   └── FirewallError                       of a firewall's own API
    │       ├── FirewallUnavailableError        no answer, or not one of the XML API
    │       │   ├── FirewallCertificateError    the server is not who it should be
    │       │   └── FirewallTimeoutError        connected and asked, but no answer in time
    │       ├── FirewallAccessError             key, password or role refused
    │       └── FirewallRefusedError            any other refusal, with its code and text
    ├── PermanentError                          no retry can help: the launch is abandoned
    │   ├── InterfaceLayoutError                the wanted interfaces do not fit this instance
    │   ├── BootedWithoutInterfacesError        the firewall has booted without its interfaces
    │   └── Ec2RefusedError                     EC2 will not do it, however often it is asked
    └── SettingsError                           the function itself is set up wrongly

What reaches ``visits`` and is not in this tree is a defect, or an AWS error that has no meaning of
its own here; it is retried like a RetryableError, and logged with its traceback. Throttling is
waited for as what passes is, but counted: many of it are worth knowing.
"""

from __future__ import annotations


class AutoscaleError(Exception):
    """Root of all errors of this package."""


class InvalidMessageError(AutoscaleError):
    """A message that no later try can make sense of."""


class MalformedEventError(InvalidMessageError):
    """The message is not a lifecycle event as EventBridge writes it."""


class UnexpectedEventError(InvalidMessageError):
    """The event is well formed but not for this function."""


class UnsupportedTransitionError(InvalidMessageError):
    """An Origin and Destination that this version does not act on."""


class TransientError(AutoscaleError):
    """Passes by itself."""


class EventualConsistencyError(TransientError):
    """EC2 answers by an older state than the one it has just reported."""


class TimeBudgetExceededError(TransientError):
    """There was no time in this run for all that was to be done; what is done counts."""


class PanoramaBusyError(TransientError):
    """Panorama cannot do it now: commit, lock, full queue, lost session or failover."""


class RetryableError(AutoscaleError):
    """The visit may succeed later."""


class CapacityError(RetryableError):
    """EC2 has none left, or no permission yet; soon enough it may."""


class SecretError(RetryableError):
    """A secret is missing, unreadable, or has the wrong keys."""


class LicenseError(RetryableError):
    """A license cannot be given back now; an operator can mend why."""


class LicenseServerUnreachableError(LicenseError):
    """The machine that gives a license back does not reach Palo Alto's license server."""


class LicensingKeyError(LicenseError):
    """The licensing API key is missing, expired or another account's."""


class LicenseManagerError(LicenseError):
    """A firewall has a license that the license plugin's license manager does not list."""


class PanoramaError(RetryableError):
    """Panorama did not do what it was asked."""


class PanoramaUnavailableError(PanoramaError):
    """Panorama gave no answer, or an answer that is not one of the XML API."""


class PanoramaCertificateError(PanoramaUnavailableError):
    """The server that answered cannot prove that it is Panorama."""


class PanoramaTimeoutError(PanoramaUnavailableError):
    """Panorama took the request and did not answer in time; it may still be doing it."""


class PanoramaAccessError(PanoramaError):
    """Panorama refuses the administrator's key, password or role."""


class PanoramaRefusedError(PanoramaError):
    """Panorama refuses the request.

    Attributes:
        code: the XML API's error code, ``None`` where the answer had none.
        text: the text of the answer.
    """

    def __init__(self, code: str | None, text: str) -> None:
        super().__init__(f"Panorama refused the request (code {code or 'none'}): {text}")
        self.code = code
        self.text = text


class ObjectReferencedError(PanoramaRefusedError):
    """The configuration still refers to what was to be removed; the text says where."""


class FullCommitRequiredError(PanoramaRefusedError):
    """Panorama demands a full commit, which would also commit other administrators' edits."""


class FirewallNotConnectedError(PanoramaError):
    """Panorama has no connection to the firewall that it was to forward to."""


class NothingToCommitError(PanoramaError):
    """The firewalls are gone from the candidate configuration by another administrator's edit."""


class CommitFailedError(PanoramaError):
    """A commit job ended with FAIL."""


class FirewallError(RetryableError):
    """A firewall did not do what its own API was asked."""


class FirewallUnavailableError(FirewallError):
    """The firewall gave no answer, or an answer that is not one of the XML API."""


class FirewallCertificateError(FirewallUnavailableError):
    """The server that answered cannot prove that it is the firewall."""


class FirewallTimeoutError(FirewallUnavailableError):
    """The firewall took the request and did not answer in time; it may still be doing it."""


class FirewallAccessError(FirewallError):
    """The firewall refuses the administrator's key, password or role."""


class FirewallRefusedError(FirewallError):
    """The firewall refuses the request.

    Attributes:
        code: the XML API's error code, ``None`` where the answer had none.
        text: the text of the answer.
    """

    def __init__(self, code: str | None, text: str) -> None:
        super().__init__(f"The firewall refused the request (code {code or 'none'}): {text}")
        self.code = code
        self.text = text


class PermanentError(AutoscaleError):
    """No later visit can succeed."""


class InterfaceLayoutError(PermanentError):
    """The wanted interfaces do not fit the instance."""


class BootedWithoutInterfacesError(PermanentError):
    """What a firewall looks for once, when it boots, was not there."""


class Ec2RefusedError(PermanentError):
    """EC2 refuses a call for good."""


class SettingsError(AutoscaleError):
    """The settings document is missing or wrong."""
