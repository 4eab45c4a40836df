"""Palo Alto Networks' API of Software NGFW credits, and its identity service.

Sources: "Software NGFW Licensing API", pages "Generate Your OAuth Client Credentials", "Manage
Deployment Profiles Using the Licensing API" and "Get Serial Numbers Associated with an Authcode
Using the API", https://docs.paloaltonetworks.com/vm-series/activation-and-onboarding/software-ngfw:

- ``POST https://identity.paloaltonetworks.com/as/token.oauth2`` with ``client_id``,
  ``client_secret``, ``scope=fwflex-service`` and ``grant_type=client_credentials`` answers
  ``access_token``, ``token_type`` and ``expires_in`` (3599).
- ``GET https://api.paloaltonetworks.com/tms/v1/creditPool`` and ``…/creditPool/{id}``, with the
  token in the header ``token``, answer ``data``: the pools, or one. ``creditsAvailable`` is
  ``totalCredits`` less ``creditsAllocated`` in every sample. Dates are 10/27/2023.
- ``GET …/deploymentProfile/{authCode}`` answers ``data``, whose fields no public text shows, and
  ``GET …/firewallserialnumbers?auth_code=…`` answers ``vm_series``, a list (public tools of the
  vendor's engineers). What the list shows of firewalls that have returned their licenses is not
  documented.

The firewalls of the lab that are licensed by the auth code take the credits. A refusal is HTTP 401
with a JSON text; its wording is invented.
"""

from __future__ import annotations

import hmac
from datetime import date
from typing import Any

from vmseries_lab.core.world import World
from vmseries_lab.licensing_api import AUTH_CODE, Licensing
from vmseries_lab.net.certificates import IDENTITY_NAME, Authority
from vmseries_lab.net.https import HttpsServer, Request, Response
from vmseries_lab.net.identity_service import IdentityService

CLIENT_ID = "lab-credit-client"
CLIENT_SECRET = "Vq3sXo8kLm1Zt6Rw0Yb5Nc9Hd2Jf7Gp4"  # noqa: S105 - of the lab
POOL_ID = "315861234"
SCOPE = "fwflex-service"
TOKEN_START = "lab-credit-token-"  # noqa: S105 - of the lab
"""What every token begins with."""
TOKEN_SECONDS = 3599

PROFILE_FIELDS = "deployment-profile-fields"
SERIALS = "auth-code-serials"

SETTINGS = ("total", "credits_per_firewall", "profile_firewalls", "expires")


class CreditPool:
    """One credit pool with one deployment profile, that of the lab's auth code.

    Attributes:
        total: credits that were bought.
        credits_per_firewall: credits that a firewall takes.
        profile_firewalls: number of firewalls that the profile is made for.
        expires: last day of the credits.
        identity: HTTPS server of the identity service.
    """

    def __init__(self, world: World, authority: Authority, licensing: Licensing) -> None:
        self._world = world
        self._licensing = licensing
        self._tokens = IdentityService(
            world.clock,
            "/as/token.oauth2",
            SCOPE,
            TOKEN_SECONDS,
            is_client=_is_client,
            new_token=lambda number: f"{TOKEN_START}{number:06d}-Zk8Qw2",
        )
        self.total = 2000.0
        self.credits_per_firewall = 13.68
        self.profile_firewalls = 100
        self.expires = date(2099, 12, 31)
        self.identity = HttpsServer(
            authority, (IDENTITY_NAME,), self._tokens.issue_token, world.clock
        )
        licensing.credit_api = self.respond
        world.hosts[f"{IDENTITY_NAME}:443"] = self.identity.address

    def configure(self, **settings: Any) -> None:
        """Change settings.

        Args:
            settings: ``total``, ``credits_per_firewall``, ``profile_firewalls``, ``expires`` (a
                date in ISO format), and those of ``https.ServerBehavior`` for the identity service.
        """
        for name in SETTINGS:
            if name in settings:
                value = settings.pop(name)
                setattr(self, name, date.fromisoformat(value) if name == "expires" else value)
        self.identity.behave(**settings)

    def start(self) -> None:
        """Serve again, on a new port."""
        self.identity.start()
        self._world.hosts[f"{IDENTITY_NAME}:443"] = self.identity.address

    def close(self) -> None:
        """Stop serving for good."""
        self.identity.close()

    def respond(self, request: Request) -> Response:
        """Answer one request of the credit-pool API."""
        if not self._tokens.accepts(request.headers.get("token", "")):
            return Response.json(401, {"message": "Unauthorized"})
        parts = request.path.removeprefix("/tms/v1/").split("/")
        match parts:
            case ["creditPool"]:
                return Response.json(200, {"data": [self._pool()]})
            case ["creditPool", pool_id] if pool_id == POOL_ID:
                return Response.json(200, {"data": self._pool()})
            case ["deploymentProfile", auth_code] if auth_code == AUTH_CODE:
                return Response.json(200, {"data": self._profile()})
            case ["firewallserialnumbers"] if request.parameters.get("auth_code") == AUTH_CODE:
                return Response.json(200, {"vm_series": self._serials(), "cn_series": []})
        return Response.json(404, {"message": "Not Found"})

    def _pool(self) -> dict[str, Any]:
        allocated = self.profile_firewalls * self.credits_per_firewall
        used = len(self._licensing.pools[AUTH_CODE].used)
        return {
            "creditPoolId": int(POOL_ID),
            "poolName": "Software NGFW Credits",
            "supportType": "Premium",
            "expirationDate": f"{self.expires:%m/%d/%Y}",
            "totalCredits": self.total,
            "creditsAllocated": round(allocated, 2),
            "creditsConsumed": round(used * self.credits_per_firewall, 2),
            "creditsAvailable": round(self.total - allocated, 2),
        }

    def _profile(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"authCode": AUTH_CODE, "type": "vm", "vCpuQuantity": 4}
        if self._world.assumptions[PROFILE_FIELDS] == "with-quantity":
            shown["firewallQuantity"] = self.profile_firewalls
        return shown

    def _serials(self) -> list[str]:
        pool = self._licensing.pools[AUTH_CODE]
        if self._world.assumptions[SERIALS] == "drops-returned":
            return sorted(pool.used)
        return sorted({*pool.used, *(use.serial for use in self._licensing.uses())})


def _is_client(request: Request) -> bool:
    """Whether the form has the credentials."""
    given = (request.parameters.get(name, "") for name in ("client_id", "client_secret"))
    known = (CLIENT_ID, CLIENT_SECRET)
    return hmac.compare_digest("\n".join(given).encode(), "\n".join(known).encode())
