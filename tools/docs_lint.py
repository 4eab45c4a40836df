"""Check the length of lines and table cells in the hand-written documents.

    python3 tools/docs_lint.py               exit 1 and name each line that is too long

A line may have 120 characters. A table row cannot be wrapped, so the limit applies to its cells:
160 characters each. A cell that only lists names in code font and lines with a URL cannot be
wrapped either and are exempt. So is generated text: whole files that say so at the top, and the
parts between ``BEGIN_`` and ``END_`` comments.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    "*.md",
    ".github/**/*.md",
    "docs/**/*.md",
    "examples/**/README.md",
    "lab/README.md",
    "lab/fidelity.md",
    "lambda/README.md",
    "modules/*/README.md",
    "tests/README.md",
)
NAMES = re.compile(r"`[\w./:-]+`(?:, `[\w./:-]+`)*")
LINE = 120
CELL = 160


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number of each line that is too long in a Markdown document, and the problem."""
    if "; do not edit. -->" in text[:300]:
        return
    generated = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("<!-- BEGIN_"):
            generated = True
        elif line.startswith("<!-- END_"):
            generated = False
        elif generated or "https://" in line:
            continue
        elif line.startswith("|"):
            cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line))
            longest = max((len(cell) for cell in cells if not NAMES.fullmatch(cell)), default=0)
            if longest > CELL:
                yield number, f"a cell has {longest} characters, more than {CELL}"
        elif len(line) > LINE:
            yield number, f"{len(line)} characters, more than {LINE}"


def main(repository: Path = REPOSITORY) -> int:
    """Check every document; return the exit status."""
    status = 0
    for pattern in DOCUMENTS:
        for path in sorted(repository.glob(pattern)):
            for number, fault in problems(path.read_text(encoding="utf-8")):
                print(f"{path.relative_to(repository)}:{number}: {fault}", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
