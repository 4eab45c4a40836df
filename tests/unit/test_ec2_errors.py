"""How each of EC2's error codes is classified."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from vmseries_autoscale.aws.ec2_errors import (
    CAPACITY_CODES,
    EVENTUAL_CONSISTENCY_CODES,
    PERMANENT_CODES,
    classify_ec2_error,
)
from vmseries_autoscale.errors import CapacityError, Ec2RefusedError, EventualConsistencyError


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, "CreateNetworkInterface")


@pytest.mark.parametrize("code", sorted(EVENTUAL_CONSISTENCY_CODES))
def test_an_eventual_consistency_code_is_retried(code: str) -> None:
    assert (
        type(classify_ec2_error(error(code), retry_capacity_errors=False))
        is EventualConsistencyError
    )


@pytest.mark.parametrize("code", sorted(PERMANENT_CODES))
def test_a_permanent_code_ends_the_launch(code: str) -> None:
    refusal = classify_ec2_error(error(code), retry_capacity_errors=True)
    assert type(refusal) is Ec2RefusedError
    assert str(refusal) == f"CreateNetworkInterface: {code}: because"


@pytest.mark.parametrize("code", sorted(CAPACITY_CODES))
def test_a_capacity_code_is_permanent_once_it_is_not_retried(code: str) -> None:
    assert type(classify_ec2_error(error(code), retry_capacity_errors=True)) is CapacityError
    assert type(classify_ec2_error(error(code), retry_capacity_errors=False)) is Ec2RefusedError


@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError", "Unavailable", "New"])
def test_an_unclassified_error_keeps_its_own_class(code: str) -> None:
    assert classify_ec2_error(error(code), retry_capacity_errors=False) is None


def test_no_code_is_in_two_classes() -> None:
    assert len(EVENTUAL_CONSISTENCY_CODES | PERMANENT_CODES | CAPACITY_CODES) == len(
        EVENTUAL_CONSISTENCY_CODES
    ) + len(PERMANENT_CODES) + len(CAPACITY_CODES)
