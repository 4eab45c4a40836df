"""The committed archive of the functions, with one change: functions with a defect."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from vmseries_scenarios.deployment import REPOSITORY

ARCHIVE = REPOSITORY / "lambda" / "dist" / "functions.zip"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one module.

    Attributes:
        module: Path in the archive.
        before: Text that the module has once.
        after: Its replacement.
    """

    module: str
    before: str
    after: str


def changed_archive(change: Change) -> bytes:
    """Return the committed archive with the change.

    Raises:
        ValueError: The module does not have the text once: the change is out of date.
    """
    changed = io.BytesIO()
    with zipfile.ZipFile(ARCHIVE) as original, zipfile.ZipFile(changed, "w") as archive:
        for entry in original.infolist():
            content = original.read(entry)
            if entry.filename == change.module:
                if content.count(change.before.encode()) != 1:
                    raise ValueError(f"{change.module} must have this text once: {change.before}")
                content = content.replace(change.before.encode(), change.after.encode())
            archive.writestr(entry, content)
    return changed.getvalue()
