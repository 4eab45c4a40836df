"""`make audit` never reports "no vulnerability" for a package that no source knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import audit
from audit import NOTHING_KNOWN, UNKNOWN, VULNERABLE, Answer, SourceError

LOCK = Path("lambda/layer/requirements.txt")
CLEAN = Answer({"one 1.0": (), "two 2.0": ()})
BAD = Answer({"one 1.0": ("PYSEC-2026-1",), "two 2.0": ()})
PARTLY = Answer({"one 1.0": ()}, frozenset({"two 2.0"}))
NOTHING = Answer({}, frozenset({"one 1.0", "two 2.0"}))


def ask(**answers: Answer | str) -> audit.Callable[[Path, str], Answer]:
    """Answer for each source; a text means that the source cannot be asked, and why."""

    def answered(_: Path, source: str) -> Answer:
        answer = answers[source]
        if isinstance(answer, str):
            raise SourceError(answer)
        return answer

    return answered


def test_the_second_source_is_not_asked_if_the_first_knows_all_packages() -> None:
    assert audit.audit(LOCK, ask(pypi=CLEAN)) == (CLEAN, [])


def test_the_second_source_is_asked_about_what_the_first_does_not_know() -> None:
    assert audit.audit(LOCK, ask(pypi=PARTLY, osv=CLEAN)) == (CLEAN, [])


def test_a_vulnerability_that_only_one_source_knows_counts() -> None:
    answer, _ = audit.audit(LOCK, ask(pypi=PARTLY, osv=BAD))
    assert answer == BAD
    answer, _ = audit.audit(LOCK, ask(pypi=BAD.completed(PARTLY), osv=CLEAN))
    assert answer is not None
    assert answer.vulnerabilities["one 1.0"] == ("PYSEC-2026-1",)


def test_the_answer_of_the_first_source_remains_if_the_second_cannot_be_asked() -> None:
    answer, failures = audit.audit(LOCK, ask(pypi=PARTLY, osv="no network"))
    assert answer == PARTLY
    assert failures == ["OSV could not be asked: no network"]


def test_no_source_at_all_is_no_answer() -> None:
    answer, failures = audit.audit(LOCK, ask(pypi="no network", osv="no network"))
    assert answer is None
    assert len(failures) == 2
    assert "unknown: no advisory source could be asked" in audit.report("a", answer, failures)


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([CLEAN, CLEAN], NOTHING_KNOWN),
        ([CLEAN, BAD], VULNERABLE),
        ([BAD, None], VULNERABLE),
        ([CLEAN, PARTLY], UNKNOWN),
        ([CLEAN, NOTHING], UNKNOWN),
        ([CLEAN, None], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_the_exit_status(answers: list[Answer | None], status: int) -> None:
    assert audit.status_of(answers) == status


def test_each_exit_status_is_documented() -> None:
    page = (audit.REPOSITORY / "docs" / "packaging.md").read_text()
    for status in audit.CONCLUSIONS:
        assert f"\n| {status} | " in page


def test_packages_that_pip_audit_skipped_are_unknown() -> None:
    """pip-audit 2.10.1 prints "No known vulnerabilities found" and exits with 0 in this case."""
    printed = {
        "dependencies": [
            {
                "name": "jmespath",
                "skip_reason": "Dependency not found on PyPI and could not be audited: "
                "jmespath (1.1.0)",
            },
            {"name": "idna", "version": "3.0", "vulns": [{"id": "PYSEC-2024-60"}]},
            {"name": "six", "version": "1.17.0", "vulns": []},
        ],
        "fixes": [],
    }
    assert audit.read_answer(json.dumps(printed)) == Answer(
        {"idna 3.0": ("PYSEC-2024-60",), "six 1.17.0": ()}, frozenset({"jmespath 1.1.0"})
    )


@pytest.mark.parametrize("printed", ["", "no JSON", "[]", "{}", '{"dependencies": [{}]}'])
def test_an_unusable_output_of_pip_audit_is_no_answer(printed: str) -> None:
    with pytest.raises(SourceError):
        audit.read_answer(printed)


def test_a_report_names_vulnerabilities_and_a_few_unknown_packages() -> None:
    unknown = frozenset(f"package{number} 1.0" for number in range(10, 20))
    text = audit.report("dev.txt", Answer({"one 1.0": ("CVE-1", "CVE-2")}, unknown), [])
    assert "one 1.0: CVE-1, CVE-2" in text
    assert "package10 1.0" in text
    assert "package19 1.0" not in text
    assert "and 5 more" in text
