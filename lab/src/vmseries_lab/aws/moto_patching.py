"""Replaces attributes of moto's classes.

The lab holds the world's lock around every call, so a replacement can check and then act.

moto is pinned to one version, and every replaced attribute must exist in it. Only one module of the
lab can replace an attribute: otherwise modules would silently undo each other's replacements.
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

from vmseries_lab.core.location import ACCOUNT_ID, LOCATION

MOTO_VERSION = "5.2.5"
version = functools.cache(metadata.version)

_MISSING = object()
_stores = functools.cache(get_backend)
_originals: dict[tuple[int, str], Any] = {}
_owners: dict[tuple[int, str], str] = {}

# Moto lists the methods of a service on each call, which takes longer than most calls.
_method_names = functools.cache(utils.method_names_from_class)
responses.method_names_from_class = _method_names

# On each access to the stores of a service, moto searches its list of all stores by equality, which
# is slow. No two stores are equal, so identity is enough. The engines access stores on every tick.
BackendDict.__eq__ = object.__eq__
BackendDict.__ne__ = object.__ne__


def require_moto() -> None:
    """Check that the installed moto is the version that the replacements were written for.

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

    A second call, for another world, starts from the original again.

    Raises:
        AttributeError: if moto has no such attribute.
        RuntimeError: if another module of the lab has already replaced it.
    """
    caller = _caller()
    key = (id(owner), name)
    if key not in _originals:
        original = vars(owner).get(name, _MISSING)
        if original is _MISSING:
            # The attribute is inherited; the replacement is set on the given class.
            original = getattr(owner, name)
        _originals[key] = original
        _owners[key] = caller
    if _owners[key] != caller:
        raise RuntimeError(
            f"{caller} cannot replace {owner.__name__}.{name}: {_owners[key]} already did"
        )
    setattr(owner, name, make(_originals[key]))


def _caller() -> str:
    """Return the name of the module that calls a function of this module."""
    frame = sys._getframe(1)  # noqa: SLF001
    while frame.f_globals["__name__"] == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])


def wrap(owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Replace a method of a moto class by a function that can call the original.

    Args:
        owner: class.
        name: name of the method.
        function: called as ``function(original, moto_object, *arguments)``.
    """
    replace(owner, name, lambda original: _method(function, original))


def _method(function: Callable[..., Any], original: Any) -> Any:
    @functools.wraps(original)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(original, self, *args, **kwargs)

    return run


def add(owner: Any, name: str, value: Any) -> None:
    """Add an attribute that a moto class lacks.

    Raises:
        RuntimeError: if moto has an attribute of that name.
    """
    key = (id(owner), name)
    if hasattr(owner, name) and _originals.get(key) is not _MISSING:
        raise RuntimeError(f"moto already has {owner.__name__}.{name}; replace it instead")
    _originals.setdefault(key, _MISSING)
    setattr(owner, name, value)
    _method_names.cache_clear()


def add_method(owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Add a method that a moto class lacks, called as ``function(moto_object, *arguments)``."""

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    add(owner, name, run)


def backend(service: str) -> Any:
    """Return moto's store of a service in the lab's account, and in its Region or partition."""
    of_account = _stores(service)[ACCOUNT_ID]
    return of_account[LOCATION.partition if is_global(service) else LOCATION.region]


def is_global(service: str) -> bool:
    """Return whether moto keeps one store per partition for a service, not one per Region."""
    return not _stores(service)._use_boto3_regions  # noqa: SLF001 - moto has no public name for it
