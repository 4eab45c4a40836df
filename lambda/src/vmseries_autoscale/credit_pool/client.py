"""Client of Palo Alto Networks' API of Software NGFW credits: at most four requests in a run.

Sources: "Software NGFW Licensing API" and its pages, under
https://docs.paloaltonetworks.com/vm-series/activation-and-onboarding/software-ngfw. One request at
the identity service gives an access token for the scope ``fwflex-service``; the others have it in
the header ``token``, and not as a bearer token. Nothing here changes anything at the API.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote, urlencode

from vmseries_autoscale.bounded_https import BoundedConnection, Deadline, TooManyBytesError
from vmseries_autoscale.credit_pool import answers
from vmseries_autoscale.credit_pool.answers import Pool, Profile, Token
from vmseries_autoscale.errors import CreditPoolBusyError, CreditPoolError
from vmseries_autoscale.pan_os.tls import verifying_context
from vmseries_autoscale.secret_store import CreditPoolCredentials

IDENTITY_HOST = "identity.paloaltonetworks.com"
API_HOST = "api.paloaltonetworks.com"
TIMEOUT_SECONDS = 10.0
"""Time limit of all requests of a client together, from the first connection to the last answer.
Only the resolution of a host name has its own limit, that of the system's resolver."""

_PORT = 443
_SCOPE = "fwflex-service"
_OK = 200
_ACCESS_STATUSES = (400, 401, 403)
"""OAuth 2.0 refuses wrong credentials with 400 or 401 (RFC 6749, section 5.2)."""

_BUSY_STATUSES = (429, *range(500, 600))


class CreditPoolClient:
    """The API, as one set of OAuth credentials.

    Args:
        credentials: Credentials of the support account for the scope ``fwflex-service``.
        clock: Clock for the time limit, in seconds; ``None`` for ``time.monotonic``.

    Raises:
        SecretError: If the ca_bundle of the credentials is not in PEM format.
    """

    def __init__(
        self, credentials: CreditPoolCredentials, clock: Callable[[], float] | None = None
    ) -> None:
        self._credentials = credentials
        self._context = verifying_context(credentials.ca_bundle)
        self._deadline = Deadline(TIMEOUT_SECONDS, clock or time.monotonic)
        self._token: Token | None = None

    def authenticate(self) -> Token:
        """Return the access token, which the first request of a client asks for.

        Raises:
            CreditPoolError: As ``pool``, from the identity service.
        """
        if self._token is None:
            self._token = self._request_token()
        return self._token

    def pool(self, pool_id: str) -> Pool:
        """Return a credit pool ("Get a Credit Pool by Credit Pool ID").

        Raises:
            CreditPoolError: If the API cannot be reached, or refuses the request, or answers in
                another format.
            CreditPoolBusyError: If it has no time for the request.
        """
        return answers.pool(self._get(f"/tms/v1/creditPool/{quote(pool_id, safe='')}"), pool_id)

    def profile(self, auth_code: str) -> Profile:
        """Return the deployment profile of an auth code.

        Raises:
            CreditPoolError: As ``pool``.
        """
        return answers.profile(self._get(f"/tms/v1/deploymentProfile/{quote(auth_code, safe='')}"))

    def serials(self, auth_code: str) -> frozenset[str]:
        """Return the serial numbers of the firewalls that use an auth code.

        Raises:
            CreditPoolError: As ``pool``.
        """
        query = urlencode({"auth_code": auth_code})
        return answers.serials(self._get(f"/tms/v1/firewallserialnumbers?{query}"))

    def _get(self, path: str) -> bytes:
        headers = {"token": self.authenticate().value}
        return self._exchange(API_HOST, "GET", path, None, headers)

    def _request_token(self) -> Token:
        form = {
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
            "scope": _SCOPE,
            "grant_type": "client_credentials",
        }
        return answers.token(
            self._exchange(
                IDENTITY_HOST,
                "POST",
                "/as/token.oauth2",
                urlencode(form).encode(),
                {"Content-Type": "application/x-www-form-urlencoded"},
            )
        )

    def _exchange(
        self, host: str, method: str, path: str, form: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        """Send one request and return the body of a response with status 200.

        No error quotes the path, which has the auth code, nor the response.
        """
        connection = BoundedConnection(host, _PORT, self._context, self._deadline)
        try:
            connection.connect()
            return connection.exchange(
                method,
                path,
                form,
                {"Accept": "application/json", **headers},
                answers.MAXIMUM_BYTES,
                partial(_check_status, host),
            )[1]
        except TooManyBytesError:
            raise CreditPoolError(
                f"{host} answered with more than {answers.MAXIMUM_BYTES} bytes"
            ) from None
        # http.client raises ValueError and OverflowError for some sizes of chunks.
        except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
            raise CreditPoolError(
                f"{host} cannot be reached or broke off ({type(error).__name__}); the reconcile "
                f"function needs a route to port {_PORT} of {IDENTITY_HOST} and {API_HOST}, and "
                "ca_bundle in the secret if a proxy inspects TLS"
            ) from None
        finally:
            connection.close()


def _check_status(host: str, status: int) -> None:
    if status == _OK:
        return
    if status in _ACCESS_STATUSES:
        raise CreditPoolError(
            f"{host} returned HTTP {status}: the client_id or client_secret is wrong or revoked, "
            f"or has not the scope {_SCOPE}; create OAuth credentials in the customer support "
            "portal (Account Management, OAuth API Management) and store them in the secret "
            "licensing.credit_pool.secret_arn"
        )
    if status in _BUSY_STATUSES:
        raise CreditPoolBusyError(f"{host} returned HTTP {status}: it is busy or out of service")
    raise CreditPoolError(
        f"{host} returned HTTP {status}: compare licensing.credit_pool.id and the secret's "
        "auth_code with the customer support portal"
    )
