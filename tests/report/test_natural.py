"""Findings that nobody planted are listed with what became of them, escaped, and are in no rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.report.index import band_bars, index_html
from pytest_cereval.report.natural import CONFIRMED, rows, sentence
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.results.apart import NATURAL, rated
from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.results.statistics import summarise
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.statistics.overturned import claims_of
from pytest_cereval.statistics.samples import items_of
from tests.report.test_cases import Outline
from tests.results.attempts import an_attempt


def finding(line: int, code: str = "B602", *, confirmable: bool = True) -> dict[str, Any]:
    return {
        "cwe": 78, "code": code, "path": "shop/a.py", "line": line, "severity": "high", "function": "shop.a.f",
        "message": "<script>alert(1)</script>", "can_be_confirmed": confirmable, "natural": True,
    }  # fmt: skip


FINDINGS = [finding(1), finding(2), finding(3), finding(4, "B324", confirmable=False)]
KNOWN = {NATURAL: {"version": "1.9.4", "found": 4, "findings": FINDINGS}}
TASKS = [
    {"id": "n1", "category": NATURAL, "about": {"findings": [FINDINGS[0]]}},
    {"id": "n2", "category": NATURAL, "about": {"findings": [FINDINGS[1]]}},
    {"id": "t", "category": "security_audit", "about": {}},
]
ATTEMPTS = [
    an_attempt(task_id="n1", category=NATURAL, verdict=Verdict.PASS),
    an_attempt(task_id="n2", category=NATURAL, verdict=Verdict.UNCONFIRMED),
    an_attempt(task_id="t", category="security_audit", verdict=Verdict.FAIL_MISSED, band="hard"),
]


def test_each_finding_is_listed_with_what_became_of_it() -> None:
    found = rows(KNOWN, ATTEMPTS, TASKS)

    assert [(row.place, row.code, row.outcome) for row in found] == [
        ("shop/a.py:1", "B602", CONFIRMED),
        ("shop/a.py:2", "B602", "asked about, not confirmed"),
        ("shop/a.py:3", "B602", "not asked about"),
        ("shop/a.py:4", "B324", "no run can show it"),
    ]


def test_one_sentence_counts_them_and_says_what_a_match_is() -> None:
    assert sentence(KNOWN, ATTEMPTS, TASKS) == (
        "findings in the repository as it stands, by Bandit 1.9.4: 4, 2 asked about, 1 confirmed by an exploit; "
        "a match of a pattern is no proof, and none of them is in a rate"
    )
    assert sentence({}, ATTEMPTS, TASKS) == ""
    cut = {NATURAL: {"version": "1", "found": 900, "findings": FINDINGS}}
    assert "900, of which 4 are listed, " in sentence(cut, [], [])


def test_where_nothing_was_looked_for_that_is_said() -> None:
    known = {NATURAL: {"problem": "Bandit is not installed, so nothing was looked for"}}

    assert sentence(known, [], []).endswith("as it stands: Bandit is not installed, so nothing was looked for")
    assert rows(known, [], []) == []


@pytest.mark.parametrize("strange", [None, [], "x", {"findings": [None, 3]}, {"findings": None}])
def test_a_strange_record_lists_nothing(strange: object) -> None:
    assert rows({NATURAL: strange}, ATTEMPTS, []) == []


def test_the_page_shows_them_escaped(tmp_path: Path) -> None:
    run = Run("run-1", "2026-11-21T10:00:00.000+00:00", None, RunStatus.finished, KNOWN)
    text = index_html(ATTEMPTS, TASKS, run, RunInfo(), links={})
    file = tmp_path / "index.html"
    file.write_text(text)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert(1)" not in text
    assert CONFIRMED in Outline(file).text
    assert "Findings in the repository as it stands" in Outline(file).text


def test_they_are_in_no_rate_no_band_and_no_claim() -> None:
    summary = summarise(ATTEMPTS)

    assert (summary.scored, summary.passed) == (1, 0)
    assert [rate.name for rate in summary.by_category] == ["security_audit"]
    assert summary.by_verdict == {"FAIL_MISSED": 1}
    assert summary.cost.completions == 3
    assert [item.id for item in items_of(ATTEMPTS, TASKS)] == ["t"]
    assert [claim.item for claim in claims_of(ATTEMPTS)] == ["t"]
    assert [bar.name for bar in band_bars(ATTEMPTS)] == ["security_audit, hard"]
    assert [each.task_id for each in rated(ATTEMPTS)] == ["t"]
