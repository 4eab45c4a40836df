"""What is fuzzed: for each target its inputs, the code that reads them, and its named errors."""

from __future__ import annotations

from random import Random
from typing import Any, Protocol

MARKER = "5ec4e75e"
"""A part of every secret value of an input. No error and no log record may contain it."""

TEXT_BOUND = 1_024 + 512
"""Characters of an error or of a field of a log record: 1 KiB of the input, and the error's own
words."""

MEMORY_BOUND = 64 << 20
"""By how many bytes the process may grow while it reads one input, which has up to 3 MB, or 32 MB
if it is endless."""

ACCEPTED = "accepted"
"""The verdict about an input that raises no error."""


class Target(Protocol):
    """One kind of input, and the code that reads it.

    Attributes:
        name: Name of the target.
        named_errors: The errors that the callers of this code handle. Any other one is a finding.
    """

    name: str
    named_errors: tuple[type[Exception], ...]

    def make(self, rng: Random) -> Any:
        """Return an input: a real example with some damage."""

    def read(self, case: Any) -> str:
        """Read an input through the product's code.

        Returns:
            ``ACCEPTED``, or the name of the error that the code itself has handled.

        Raises:
            UnusableResultError: If the result is accepted but would fail later.
        """

    def content(self, case: Any) -> str | bytes:
        """Return the part of an input that can be shortened."""

    def with_content(self, case: Any, content: Any) -> Any:
        """Return the input with another content."""

    def has_secret(self, case: Any) -> bool:
        """Return whether ``MARKER`` is only where secrets are, so that no text may contain it."""

    def is_planted(self, case: Any) -> bool:
        """Return whether the negative control fails on this input."""


class UnusableResultError(Exception):
    """An input is accepted although what is made of it fails later, or harms other inputs."""
