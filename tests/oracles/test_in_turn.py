"""Two oracles one after the other: the second is asked only about what passes the first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.oracle import Finding, InTurn
from pytest_cereval.results.verdict import Verdict

CANDIDATE = Candidate("def f(): ...", "def f(): ...", 1)


@dataclass
class Says:
    finding: Finding
    asked: list[Candidate] = field(default_factory=list)

    def judge(self, candidate: Candidate) -> Finding:
        self.asked.append(candidate)
        return self.finding


def finding(verdict: Verdict, **evidence: Any) -> Finding:
    return Finding(verdict, verdict.meaning, evidence, 1.5)


def test_what_fails_the_first_is_not_shown_to_the_second() -> None:
    second = Says(finding(Verdict.PASS))
    found = InTurn(Says(finding(Verdict.FAIL_WRONG, checked=3)), second).judge(CANDIDATE)
    assert (found.verdict, found.evidence) == (Verdict.FAIL_WRONG, {"checked": 3})
    assert second.asked == []


def test_the_second_has_the_last_word_and_its_label_stays() -> None:
    second = Says(finding(Verdict.TAMPER, assurance="in_process"))
    found = InTurn(Says(finding(Verdict.PASS)), second).judge(CANDIDATE)
    assert found.verdict is Verdict.TAMPER
    assert found.evidence == {"calls": Verdict.PASS.meaning, "assurance": "in_process"}
    assert found.seconds == 3.0


def test_a_pass_needs_both() -> None:
    assert InTurn(Says(finding(Verdict.PASS)), Says(finding(Verdict.PASS))).judge(CANDIDATE).verdict.is_pass
