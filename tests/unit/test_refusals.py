"""EC2's error codes: what each means to a visit."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from vmseries_autoscale.aws.ec2_errors import NOT_YET, REFUSED, SCARCE, meaning
from vmseries_autoscale.errors import CapacityError, Ec2RefusedError, EventualConsistencyError


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "CreateNetworkInterface")


@pytest.mark.parametrize("code", sorted(NOT_YET))
def test_not_yet(code: str) -> None:
    assert type(meaning(error(code), patient=False)) is EventualConsistencyError


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_refused(code: str) -> None:
    refusal = meaning(error(code), patient=True)
    assert type(refusal) is Ec2RefusedError
    assert str(refusal) == f"CreateNetworkInterface: {code}: because"


@pytest.mark.parametrize("code", sorted(SCARCE))
def test_scarce(code: str) -> None:
    assert type(meaning(error(code), patient=True)) is CapacityError
    assert type(meaning(error(code), patient=False)) is Ec2RefusedError


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError", "Unavailable", "New"])
def test_what_has_no_meaning_is_retried_as_it_is(code: str) -> None:
    assert meaning(error(code), patient=False) is None


def test_no_code_has_two_meanings() -> None:
    assert len(NOT_YET | REFUSED | SCARCE) == len(NOT_YET) + len(REFUSED) + len(SCARCE)
