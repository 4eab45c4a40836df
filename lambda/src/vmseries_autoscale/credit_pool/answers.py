"""Read the answers of the credit-pool API. Pure functions over bounded bytes.

Sources of the formats:

- The token and the pool: the samples in "Software NGFW Licensing API", its pages "Generate Your
  OAuth Client Credentials" and "Manage Deployment Profiles Using the Licensing API", under
  https://docs.paloaltonetworks.com/vm-series/activation-and-onboarding/software-ngfw.
- The serial numbers: the page "Get Serial Numbers Associated with an Authcode Using the API", and
  public tools of the vendor's engineers, which read ``vm_series``.
- The profile: only that its fields are in ``data`` is public. ``firewallQuantity`` is their name in
  the request that creates or updates a profile (docs/assumptions.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from vmseries_autoscale.errors import CreditPoolError
from vmseries_autoscale.pan_os.values import serial_number

MAXIMUM_BYTES = 2**20
"""Size of an answer. Ten thousand serial numbers are 200 KB."""

MAXIMUM_NUMBER = 10.0**12
MAXIMUM_FIREWALLS = 100_000
MAXIMUM_SERIALS = 20_000

_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
"""What may be in a header. The documentation shows an opaque text."""

_DATE_FORMATS = ("%m/%d/%Y", "%Y-%m-%d")
"""The documented sample has 10/27/2023."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A credit pool.

    Attributes:
        available: Credits that no deployment profile has.
        expires: Last day of the credits, allocated or not; ``None`` if the answer has no date.
    """

    available: float
    expires: date | None


@dataclass(frozen=True, slots=True)
class Profile:
    """A deployment profile, which has one auth code.

    Attributes:
        firewalls: Number of firewalls that it is made for; ``None`` if the answer does not say it.
    """

    firewalls: int | None


@dataclass(frozen=True, slots=True)
class Token:
    """An access token.

    Attributes:
        value: Text for the header ``token``.
    """

    value: str = field(repr=False)


def token(body: bytes) -> Token:
    """Read the answer to the request for an access token.

    Raises:
        CreditPoolError: If it is in another format.
    """
    value = _document(body).get("access_token")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise CreditPoolError("the identity service answered without a usable access_token")
    return Token(value)


def pool(body: bytes, pool_id: str) -> Pool:
    """Read a credit pool.

    Args:
        body: Answer, a JSON document.
        pool_id: Id of the pool that was asked for.

    Raises:
        CreditPoolError: If it is in another format, or about another pool.
    """
    data = _data(body, "credit pool")
    answered = data.get("creditPoolId")
    if isinstance(answered, bool) or str(answered) != pool_id:
        raise CreditPoolError("the credit-pool API answered about another credit pool")
    return Pool(
        available=_number(data, "creditsAvailable"),
        expires=_date(data.get("expirationDate")),
    )


def profile(body: bytes) -> Profile:
    """Read a deployment profile.

    Raises:
        CreditPoolError: If it is in another format.
    """
    number = _data(body, "deployment profile").get("firewallQuantity")
    if isinstance(number, str) and re.fullmatch(r"[0-9]{1,6}", number):
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        return Profile(None)
    return Profile(number if 0 < number <= MAXIMUM_FIREWALLS else None)


def serials(body: bytes) -> frozenset[str]:
    """Read the serial numbers of the VM-Series firewalls that use an auth code.

    Raises:
        CreditPoolError: If it is in another format. An answer without the list is one.
    """
    listed = _document(body).get("vm_series")
    if not isinstance(listed, list) or len(listed) > MAXIMUM_SERIALS:
        raise CreditPoolError("the credit-pool API answered without the list vm_series")
    texts = (item for item in listed if isinstance(item, str))
    return frozenset(serial for text in texts if (serial := serial_number(text)) is not None)


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    # Numbers of thousands of digits, and thousands of brackets. The cause would quote the answer.
    except (ValueError, RecursionError):
        raise CreditPoolError("the credit-pool API did not answer in JSON") from None
    if not isinstance(content, dict):
        raise CreditPoolError("the credit-pool API did not answer with a JSON object")
    return content


def _data(body: bytes, subject: str) -> Mapping[str, Any]:
    data = _document(body).get("data")
    if not isinstance(data, dict):
        raise CreditPoolError(f"the credit-pool API answered without the data of the {subject}")
    return data


def _number(data: Mapping[str, Any], key: str) -> float:
    value = data.get(key)
    # Python's parser also reads NaN, which is not smaller than any number, and Infinity.
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not abs(value) <= MAXIMUM_NUMBER
    ):
        raise CreditPoolError(f"the credit pool's {key} is not a number")
    return float(value)


def _date(value: object) -> date | None:
    if not isinstance(value, str):
        return None
    for known in _DATE_FORMATS:
        try:
            return datetime.strptime(value, known).date()  # noqa: DTZ007 - a day, without a zone
        except ValueError:
            continue
    return None
