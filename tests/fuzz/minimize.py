"""Shorten an input that fails, as long as it fails in the same way.

"Simplifying and Isolating Failure-Inducing Input" (Zeller and Hildebrandt, 2002) describes the
method, delta debugging: leave out ever smaller pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fuzz.judge import Judge, Verdict
from fuzz.processes import in_child
from fuzz.targets import Target

MAXIMUM_TRIALS = 250


def minimized_case(target: Target, case: Any, verdict: Verdict, *, plant: bool) -> Any | None:
    """Return a shorter input with the same verdict.

    Args:
        target: The target of the input.
        case: The input.
        verdict: The verdict about it.
        plant: Whether the negative control is on.

    Returns:
        The input; ``None`` if it does not fail alone, but only after the inputs before it.
    """

    def judged(content: Any) -> Verdict:
        return Judge(target, plant=plant).verdict(target.with_content(case, content))

    def fails(content: Any) -> bool:
        return judged(content).signature == verdict.signature

    def fails_in_child(content: Any) -> bool:
        died = in_child(lambda: _encoded(judged(content).label))
        return isinstance(died, Verdict) and died.signature == verdict.signature

    content = target.content(case)
    if verdict.ended_process:
        short = minimized(content, fails_in_child) if fails_in_child(content) else None
    else:
        short = _minimized_in_child(content, fails)
    return None if short is None else target.with_content(case, short)


def _minimized_in_child(content: str | bytes, fails: Callable[[Any], bool]) -> Any | None:
    """Try all shorter contents in one process, since a process for each takes longer."""

    def action() -> bytes:
        if not fails(content):
            return b"-"
        return b"+" + _encoded(minimized(content, fails))

    output = in_child(action)
    if isinstance(output, Verdict):
        return content  # A shorter content ends the process.
    if output == b"-":
        return None
    short = output[1:]
    return short.decode("utf-8", "surrogatepass") if isinstance(content, str) else short


def _encoded(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")


def minimized(content: Any, fails: Callable[[Any], bool], trials: int = MAXIMUM_TRIALS) -> Any:
    """Return a shorter content that still fails.

    Args:
        content: A text or bytes that fail.
        fails: Returns whether a content fails in the same way.
        trials: How many contents to try at most.
    """
    pieces = 2
    while content and trials > 0:
        size = -(-len(content) // pieces)
        for start in range(0, len(content), size):
            shorter = content[:start] + content[start + size :]
            trials -= 1
            if fails(shorter):
                content, pieces = shorter, max(pieces - 1, 2)
                break
            if trials <= 0:
                return content
        else:
            if size == 1:
                return content
            pieces = min(pieces * 2, len(content))
    return content
