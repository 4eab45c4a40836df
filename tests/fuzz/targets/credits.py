"""Answers of the vendor's credit-pool API, through its parsers and the decision about them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from fuzz.damage import json_tree
from fuzz.targets import ACCEPTED, MARKER, UnusableResultError
from vmseries_autoscale.credit_pool import answers, headroom
from vmseries_autoscale.errors import CreditPoolError

_ID = "315861234"
_SERIAL = "007951000012345"
_POOL = {
    "creditPoolId": int(_ID),
    "poolName": "Software NGFW Credits",
    "supportType": "Premium",
    "expirationDate": "10/27/2027",
    "totalCredits": 47.0,
    "creditsAllocated": 13.68,
    "creditsConsumed": 0.0,
    "creditsAvailable": 33.32,
}
_EXAMPLES = {
    "token": {"access_token": f"{MARKER}-token", "token_type": "Bearer", "expires_in": 3599},
    "pool": {"data": _POOL},
    "profile": {"data": {"authCode": f"{MARKER}D1", "firewallQuantity": 10}},
    "serials": {"vm_series": [_SERIAL], "cn_series": []},
}


@dataclass(frozen=True)
class CreditCase:
    """One answer.

    Attributes:
        kind: What was asked for.
        body: The answer.
    """

    kind: str
    body: str


class Credits:
    """The parsers of all four answers."""

    name = "credits"
    named_errors: tuple[type[Exception], ...] = (CreditPoolError,)

    def make(self, rng: Random) -> CreditCase:
        kind, other = rng.choice(tuple(_EXAMPLES)), rng.choice(tuple(_EXAMPLES))
        body = json_tree.damaged(rng, json.dumps(_EXAMPLES[kind]), json.dumps(_EXAMPLES[other]))
        return CreditCase(kind, body)

    def read(self, case: CreditCase) -> str:
        body = case.body.encode("utf-8", "surrogatepass")
        match case.kind:
            case "token":
                if "\n" in answers.token(body).value:
                    raise UnusableResultError("the token ends a header")
            case "pool":
                pool = answers.pool(body, _ID)
                found = headroom(
                    pool,
                    credits_per_firewall=13.68,
                    profile_firewalls=10,
                    licensed=3,
                    members=2,
                    maximum=5,
                    today=date(2026, 11, 30),
                )
                if not 0 <= found.short <= found.needed:
                    raise UnusableResultError(f"short of {found.short} firewalls")
                json.dumps(found.as_json(), allow_nan=False)
            case "profile":
                if (number := answers.profile(body).firewalls) is not None and number < 1:
                    raise UnusableResultError("a profile for no firewall")
            case _:
                if any(not serial.isalnum() for serial in answers.serials(body)):
                    raise UnusableResultError("a text that is no serial number")
        return ACCEPTED

    def content(self, case: CreditCase) -> str:
        return case.body

    def with_content(self, case: CreditCase, content: str) -> CreditCase:
        return replace(case, body=content)

    def has_secret(self, case: CreditCase) -> bool:
        return True

    def is_planted(self, case: CreditCase) -> bool:
        return not case.body.startswith("{")
