"""Client of Strata Cloud Manager's API. It reads only.

Sources, in the vendor's repository PaloAltoNetworks/pan.dev (commit 481855c): the token endpoint
and its Basic authentication in ``products/scm/docs/access-tokens.md``; pages of 200 entries, one
token for many requests and explicit timeouts in ``products/scm/docs/api-best-practices.md``; paths
and parameters in ``openapi-specs/scm/config/ngfw``. No text says how many requests are allowed; a
refusal with HTTP 429 is a reason to wait.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from vmseries_autoscale import secret_store
from vmseries_autoscale.bounded_https import BoundedConnection, Deadline, TooManyBytesError
from vmseries_autoscale.errors import (
    STRATA_CLOUD_MANAGER,
    DeviceAccessError,
    DeviceBusyError,
    DeviceCertificateError,
    DeviceRefusedError,
    DeviceTimeoutError,
    DeviceUnavailableError,
)
from vmseries_autoscale.pan_os.tls import verifying_context
from vmseries_autoscale.redaction import redact
from vmseries_autoscale.secret_store import StrataCloudManagerCredentials
from vmseries_autoscale.settings import StrataCloudManagerSettings
from vmseries_autoscale.strata_cloud_manager import answers
from vmseries_autoscale.strata_cloud_manager.answers import Token
from vmseries_autoscale.strata_cloud_manager.interface import (
    ConfigurationJob,
    ManagedFirewall,
)

TOKEN_PATH = "/oauth2/access_token"  # noqa: S105 - a path
DEVICES_PATH = "/config/setup/v1/devices"
FOLDERS_PATH = "/config/setup/v1/folders"
RUNNING_PATH = "/config/operations/v1/config-versions/running"
JOBS_PATH = "/config/operations/v1/jobs"

PAGE_ENTRIES = 200
"""Number of entries of a page, the default of the API."""

TOKEN_MARGIN_SECONDS = 60
"""Time before its end at which a token is no longer used, as the vendor recommends."""

_PORT = 443
_SUCCESSES = range(200, 300)
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 401, 403, 429
_SERVER_ERRORS = range(500, 600)

_tokens: dict[tuple[str, StrataCloudManagerCredentials], tuple[Token, float]] = {}
"""Tokens and the times of their ends, by identity host and credentials. An execution environment
keeps them, so that visits do not ask for one each."""


def connect(settings: StrataCloudManagerSettings) -> StrataCloudManagerClient:
    """Return a connection with the credentials in the secret of the settings. It sends nothing yet.

    Raises:
        SecretError: If the secret cannot be read.
    """
    credentials = secret_store.strata_cloud_manager_credentials(settings.secret_arn)
    return StrataCloudManagerClient(settings, credentials)


def forget_tokens() -> None:
    """Discard all tokens, so that the next request asks for a new one."""
    _tokens.clear()


class StrataCloudManagerClient:
    """One tenant of Strata Cloud Manager, as one service account.

    Args:
        settings: Host names and time limits.
        credentials: Client id and secret of the service account, and the id of the tenant.
        clock: Clock for the validity of tokens, in seconds since 1970.

    Raises:
        SecretError: If the ca_bundle of the credentials is not in PEM format.
    """

    def __init__(
        self,
        settings: StrataCloudManagerSettings,
        credentials: StrataCloudManagerCredentials,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._context = verifying_context(credentials.ca_bundle)
        self._clock = clock

    def firewalls(self) -> list[ManagedFirewall]:
        """See ``StrataCloudManager.firewalls``."""
        return answers.firewalls(self._entries(DEVICES_PATH))

    def running_versions(self) -> Mapping[str, int]:
        """See ``StrataCloudManager.running_versions``."""
        return answers.running_versions(self._get(RUNNING_PATH))

    def jobs(self) -> list[ConfigurationJob]:
        """See ``StrataCloudManager.jobs``."""
        return answers.jobs(self._get(JOBS_PATH, limit=PAGE_ENTRIES, offset=0))

    def has_folder(self, name: str) -> bool:
        """See ``StrataCloudManager.has_folder``."""
        return name in answers.folder_names(self._entries(FOLDERS_PATH))

    def _entries(self, path: str) -> list[object]:
        """Read all pages of a list.

        Raises:
            DeviceBusyError: If the list has changed meanwhile, so that something may be missing.
        """
        entries: list[object] = []
        while True:
            body = self._get(path, pagination="true", limit=PAGE_ENTRIES, offset=len(entries))
            page = answers.page(body)
            entries += page.entries
            if len(entries) == page.total:
                return entries
            if len(entries) > page.total or not page.entries:
                raise DeviceBusyError(
                    STRATA_CLOUD_MANAGER,
                    f"{STRATA_CLOUD_MANAGER} announces {page.total} entries of a list and shows "
                    f"{len(entries)}; it may have changed while it was read",
                )

    def _get(self, path: str, **parameters: str | int) -> bytes:
        target = f"{path}?{urlencode(parameters)}" if parameters else path
        status, body = self._authorized(target)
        if status == _UNAUTHORIZED:
            # It may have been revoked, or the clock of a frozen execution environment was wrong.
            _tokens.pop(self._key, None)
            status, body = self._authorized(target)
        if status in _SUCCESSES:
            return body
        raise self._refusal(status, body)

    def _authorized(self, target: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        return self._exchange(self._settings.api_hostname, "GET", target, None, headers)

    @property
    def _key(self) -> tuple[str, StrataCloudManagerCredentials]:
        return self._settings.identity_hostname, self._credentials

    def _token(self) -> str:
        known = _tokens.get(self._key)
        if known is not None and self._clock() < known[1] - TOKEN_MARGIN_SECONDS:
            return known[0].value
        requested = self._clock()
        token = self._request_token()
        _tokens[self._key] = token, requested + token.seconds
        return token.value

    def _request_token(self) -> Token:
        given = self._credentials
        pair = base64.b64encode(f"{given.client_id}:{given.client_secret}".encode()).decode()
        form = {"grant_type": "client_credentials", "scope": f"tsg_id:{given.tsg_id}"}
        status, body = self._exchange(
            self._settings.identity_hostname,
            "POST",
            TOKEN_PATH,
            urlencode(form).encode(),
            {
                "Authorization": f"Basic {pair}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        if status in _SUCCESSES:
            return answers.token(body)
        if status == _TOO_MANY or status in _SERVER_ERRORS:
            raise self._refusal(status, b"")
        raise DeviceAccessError(
            STRATA_CLOUD_MANAGER,
            f"the identity service returned HTTP {status}: the client_id, client_secret or tsg_id "
            f"in the secret {self._settings.secret_arn} is wrong, or the service account has no "
            "role in that tenant",
        )

    def _refusal(self, status: int, body: bytes) -> Exception:
        """Return the error for a response that is not a success."""
        secrets = [self._credentials.client_secret, self._credentials.client_id]
        secrets += [token.value for token, _ in _tokens.values()]
        text = redact(answers.error_text(body), secrets) or "no reason given"
        message = f"{STRATA_CLOUD_MANAGER} returned HTTP {status}: {text}"
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            return DeviceAccessError(
                STRATA_CLOUD_MANAGER,
                f"{message}; the service account needs a role that reads devices and "
                "configuration operations, see docs/strata-cloud-manager.md",
            )
        if status == _TOO_MANY:
            return DeviceBusyError(STRATA_CLOUD_MANAGER, message)
        if status in _SERVER_ERRORS:
            return DeviceUnavailableError(STRATA_CLOUD_MANAGER, message)
        return DeviceRefusedError(STRATA_CLOUD_MANAGER, str(status), text)

    def _exchange(
        self, host: str, method: str, target: str, form: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Send one request, and return the status and the body of its response.

        Raises:
            DeviceUnavailableError: If there is no usable response.
        """
        deadline = Deadline(self._settings.timeout_seconds, time.monotonic)
        connection = BoundedConnection(host, _PORT, self._context, deadline)
        try:
            connection.connect()
            return connection.exchange(
                method,
                target,
                form,
                {"Accept": "application/json", **headers},
                answers.MAXIMUM_BYTES,
            )
        except TooManyBytesError:
            raise DeviceUnavailableError(
                STRATA_CLOUD_MANAGER,
                f"{host} answered with more than {answers.MAXIMUM_BYTES} bytes",
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise DeviceCertificateError(
                STRATA_CLOUD_MANAGER,
                f"the certificate of {host} is not trusted: {error.verify_message}; set ca_bundle "
                "in the secret if a proxy inspects TLS",
            ) from None
        except TimeoutError:
            raise DeviceTimeoutError(
                STRATA_CLOUD_MANAGER,
                f"{host} did not answer within {self._settings.timeout_seconds} s; the functions "
                f"need a route to port {_PORT} of {self._settings.identity_hostname} and "
                f"{self._settings.api_hostname}",
            ) from None
        # http.client raises ValueError and OverflowError for some sizes of chunks.
        except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
            raise DeviceUnavailableError(
                STRATA_CLOUD_MANAGER,
                f"{host} cannot be reached or broke off ({type(error).__name__}); the functions "
                f"need a route to port {_PORT} of {self._settings.identity_hostname} and "
                f"{self._settings.api_hostname}",
            ) from None
        finally:
            connection.close()
