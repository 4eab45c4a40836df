"""How the lab completes moto: replacing named attributes of its classes, checked and reversible.

The lab holds the world's lock around every call, so a replacement may check and then act.

moto is pinned to one version, and every replaced name must exist in it. Each name has one owner in
the lab: two parts that replaced the same method would silently undo each other.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

from moto.backends import get_backend
from moto.core import responses, utils
from moto.core.base_backend import BackendDict

from vmseries_lab.core.world import ACCOUNT_ID, REGION

MOTO_VERSION = "5.2.5"
version = functools.cache(metadata.version)

_MISSING = object()
_stores = functools.cache(get_backend)
_originals: dict[tuple[int, str], Any] = {}
_owners: dict[tuple[int, str], str] = {}

# Moto lists the methods of a service at each call, which takes longer than most calls.
_method_names = functools.cache(utils.method_names_from_class)
responses.method_names_from_class = _method_names

# At each access to a service's stores moto looks for them in its list of all, by an equality that
# takes longer than the rest, and no two are equal. The engines have dozens of accesses in a tick.
BackendDict.__eq__ = object.__eq__
BackendDict.__ne__ = object.__ne__


def require_moto() -> None:
    """Make sure that the installed moto is the one that the replacements were written against.

    Raises:
        RuntimeError: if another version is installed.
    """
    installed = version("moto")
    if installed != MOTO_VERSION:
        raise RuntimeError(
            f"the lab replaces parts of moto {MOTO_VERSION}, but moto {installed} is installed; "
            "install the locked requirements"
        )


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replace ``owner.name`` by ``make(original)``.

    Installing a part again, for another world, replaces the earlier replacement instead of
    wrapping it.

    Raises:
        AttributeError: if moto has no such attribute, so that there is nothing to complete.
        RuntimeError: if another part of the lab already replaced it.
    """
    caller = _caller()
    key = (id(owner), name)
    if key not in _originals:
        original = vars(owner).get(name, _MISSING)
        if original is _MISSING:
            # Inherited: kept as found, and the replacement goes on the class that was named.
            original = getattr(owner, name)
        _originals[key] = original
        _owners[key] = caller
    if _owners[key] != caller:
        raise RuntimeError(
            f"{caller} cannot replace {owner.__name__}.{name}: {_owners[key]} already did"
        )
    setattr(owner, name, make(_originals[key]))


def _caller() -> str:
    """Name the module outside this one that asked for a replacement."""
    frame = sys._getframe(1)  # noqa: SLF001
    while frame.f_globals["__name__"] == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])


def wrap(owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Replace a method of a moto class by one that may call the original.

    Args:
        owner: the class.
        name: the method.
        function: called as ``function(original, moto_object, *arguments)``.
    """
    replace(owner, name, lambda original: _method(function, original))


def _method(function: Callable[..., Any], original: Any) -> Any:
    @functools.wraps(original)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(original, self, *args, **kwargs)

    return run


def add(owner: Any, name: str, value: Any) -> None:
    """Give moto's ``owner`` something that it lacks.

    Raises:
        RuntimeError: if moto has grown an attribute of that name.
    """
    key = (id(owner), name)
    if hasattr(owner, name) and _originals.get(key) is not _MISSING:
        raise RuntimeError(f"moto already has {owner.__name__}.{name}; replace it instead")
    _originals.setdefault(key, _MISSING)
    setattr(owner, name, value)
    _method_names.cache_clear()


def add_method(owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Give a moto class a method that it lacks: ``function(moto_object, *arguments)``."""

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    add(owner, name, run)


def backend(service: str) -> Any:
    """Give moto's store of a service in the lab's account and Region."""
    return _stores(service)[ACCOUNT_ID][REGION]
