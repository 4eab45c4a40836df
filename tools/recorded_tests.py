"""Print the test files that replay recorded Terraform resources, one per line.

    python3 tools/recorded_tests.py              # the files
    python3 tools/recorded_tests.py --ignore     # as options for pytest

These files use pytest-terraform, whose session fixtures do not work with pytest-xdist. Therefore
they run in a process of their own (make test-recorded), and all other runs ignore them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
IMPORTS = re.compile(r"^(?:from|import) pytest_terraform\b", re.MULTILINE)


def recorded_tests(repository: Path = REPOSITORY) -> list[str]:
    """Return the paths of the test files that import pytest-terraform, relative to the root."""
    folders = (repository / "tests", repository / "lab" / "tests")
    files = [file for folder in folders for file in folder.rglob("test_*.py")]
    recorded = [file for file in files if IMPORTS.search(file.read_text(encoding="utf-8"))]
    return sorted(str(file.relative_to(repository)) for file in recorded)


if __name__ == "__main__":
    prefix = "--ignore=" if "--ignore" in sys.argv[1:] else ""
    print("\n".join(prefix + file for file in recorded_tests()))
