"""Replacement of moto's attributes."""

from __future__ import annotations

from typing import Any

import pytest

from vmseries_lab.aws import moto_patching


class Theirs:
    """Stands for one of moto's classes."""

    def size(self) -> int:
        return 1


def bigger(original: Any, theirs: Any) -> int:
    return int(original(theirs)) + 1


def test_a_missing_attribute_cannot_be_replaced() -> None:
    with pytest.raises(AttributeError):
        moto_patching.wrap(Theirs, "colour", bigger)


def test_wrapping_again_does_not_wrap_twice() -> None:
    for _ in range(3):
        moto_patching.wrap(Theirs, "size", bigger)
    assert Theirs().size() == 2


def test_one_owner_per_name(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_patching.wrap(Theirs, "size", bigger)
    monkeypatch.setitem(globals(), "__name__", "another.part")
    with pytest.raises(RuntimeError, match=r"another\.part cannot replace Theirs\.size"):
        moto_patching.wrap(Theirs, "size", bigger)


def test_an_existing_attribute_cannot_be_added() -> None:
    with pytest.raises(RuntimeError, match="already has"):
        moto_patching.add_method(Theirs, "size", lambda _theirs: 3)
    moto_patching.add_method(Theirs, "weight", lambda _theirs: 3)
    moto_patching.add_method(Theirs, "weight", lambda _theirs: 4)
    assert Theirs().weight() == 4  # type: ignore[attr-defined]


def test_other_versions_of_moto_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    moto_patching.require_moto()
    monkeypatch.setattr(moto_patching, "version", lambda _name: "9.9.9")
    with pytest.raises(RuntimeError, match=r"9\.9\.9"):
        moto_patching.require_moto()
