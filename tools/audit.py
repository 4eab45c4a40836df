"""Ask advisory sources for known vulnerabilities of all locked packages.

    python3 tools/audit.py .build/pip-audit/bin/pip-audit

pip-audit asks the package index (PyPI's advisories), and then OSV for packages that the index does
not know. The exit status is

- 0: the sources know all packages, and none has a known vulnerability;
- 1: a package has a known vulnerability;
- 3: no source responded, or no source knows a package. The result is then unknown; pip-audit itself
  would report no vulnerability.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LOCKS = ("lambda/layer/requirements.txt", "requirements/*.txt")

SOURCES = {"pypi": "the package index", "osv": "OSV"}
"""The advisory sources by pip-audit's names, in the order in which they are asked."""

NOTHING_KNOWN, VULNERABLE, UNKNOWN = 0, 1, 3

SECONDS_PER_ANSWER = 15
LONGEST_REASON = 160
SHOWN = 5
"""Names of unknown packages in the report about a lock."""


class SourceError(Exception):
    """A source could not be asked. The message is the reason."""


@dataclass(frozen=True)
class Answer:
    """What one source, or several together, say about the packages of a lock."""

    vulnerabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of the vulnerabilities by package, for each package that the source knows."""
    unknown: frozenset[str] = frozenset()
    """Packages that no source knows."""

    def completed(self, other: Answer) -> Answer:
        """Return this answer together with that of another source about the same packages."""
        known = {**other.vulnerabilities}
        for package, ids in self.vulnerabilities.items():
            known[package] = tuple(dict.fromkeys((*ids, *known.get(package, ()))))
        return Answer(known, (self.unknown | other.unknown) - known.keys())


def read_answer(output: str) -> Answer:
    """Parse the JSON that pip-audit prints.

    Raises:
        SourceError: The text is not such a document.
    """
    try:
        packages = json.loads(output)["dependencies"]
        return Answer(
            vulnerabilities={
                f"{package['name']} {package['version']}": tuple(
                    vulnerability["id"] for vulnerability in package["vulns"]
                )
                for package in packages
                if "skip_reason" not in package
            },
            unknown=frozenset(
                package["skip_reason"].rpartition(": ")[2].replace("(", "").rstrip(")")
                for package in packages
                if "skip_reason" in package
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError("pip-audit printed no result") from error


def audit(lock: Path, ask: Callable[[Path, str], Answer]) -> tuple[Answer | None, list[str]]:
    """Ask the sources about a lock, until one knows each package.

    Args:
        lock: Requirements with exact versions.
        ask: Asks one source about the lock; raises SourceError if that is impossible.

    Returns:
        The answers together, None if no source could be asked; and sentences about the sources
        that could not be asked.
    """
    together: Answer | None = None
    failures = []
    for source, name in SOURCES.items():
        if together is not None and not together.unknown:
            break
        try:
            answer = ask(lock, source)
        except SourceError as error:
            failures.append(f"{name} could not be asked: {error}")
        else:
            together = answer if together is None else together.completed(answer)
    return together, failures


def status_of(answers: Iterable[Answer | None]) -> int:
    """Return the exit status for the answers about all locks."""
    given = list(answers)
    if any(ids for answer in given if answer for ids in answer.vulnerabilities.values()):
        return VULNERABLE
    if not given or any(answer is None or answer.unknown for answer in given):
        return UNKNOWN
    return NOTHING_KNOWN


def report(lock: str, answer: Answer | None, failures: Sequence[str]) -> str:
    """Return the lines about one lock."""
    lines = [f"{lock}:"]
    if answer is None:
        lines.append("  unknown: no advisory source could be asked")
    else:
        found = {name: ids for name, ids in answer.vulnerabilities.items() if ids}
        lines.append(
            f"  {len(answer.vulnerabilities)} packages known to a source, "
            f"{len(found)} of them with known vulnerabilities; {len(answer.unknown)} unknown"
        )
        lines += [f"  {name}: {', '.join(ids)}" for name, ids in sorted(found.items())]
        if answer.unknown:
            shown = sorted(answer.unknown)[:SHOWN]
            rest = f" and {len(answer.unknown) - SHOWN} more" if len(answer.unknown) > SHOWN else ""
            lines.append(f"  unknown: {', '.join(shown)}{rest}")
    return "\n".join([*lines, *(f"  {failure}" for failure in failures)])


def pip_audit(program: str) -> Callable[[Path, str], Answer]:
    """Return a function that asks one source about a lock with pip-audit."""

    def ask(lock: Path, source: str) -> Answer:
        command = [program, "--requirement", str(lock), "--vulnerability-service", source]
        command += ["--disable-pip", "--require-hashes", "--format", "json"]
        command += ["--progress-spinner", "off", "--timeout", str(SECONDS_PER_ANSWER)]
        result = subprocess.run(command, check=False, capture_output=True, text=True)
        if not result.stdout.strip():
            reason = (result.stderr.strip().splitlines() or ["no output"])[-1]
            raise SourceError(reason[:LONGEST_REASON])
        return read_answer(result.stdout)

    return ask


CONCLUSIONS = {
    NOTHING_KNOWN: "audit: the sources know all packages, and no vulnerability of them",
    VULNERABLE: "audit: packages with known vulnerabilities are locked",
    UNKNOWN: "audit: it is unknown whether the locked packages have known vulnerabilities, "
    "because no advisory source that could be asked knows all of them",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask about all locks, print the answers, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("program", help="path of pip-audit")
    options = parser.parse_args(arguments)
    answers = []
    for lock in sorted(path for pattern in LOCKS for path in REPOSITORY.glob(pattern)):
        answer, failures = audit(lock, pip_audit(options.program))
        print(report(str(lock.relative_to(REPOSITORY)), answer, failures))
        answers.append(answer)
    status = status_of(answers)
    print(CONCLUSIONS[status])
    return status


if __name__ == "__main__":
    sys.exit(main())
