"""What JUnit XML and other reports show of a test besides its outcome."""

from __future__ import annotations

from pytest_cereval.report.properties import item_properties
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import a_completion, an_attempt


def told(*attempts: object) -> dict[str, str | int]:
    return dict(item_properties("task-1", "code_generation", "hard", attempts))  # type: ignore[arg-type]


def test_one_answer_has_its_verdict_its_class_and_its_tokens() -> None:
    assert told(an_attempt()) == {
        "cereval_task": "task-1",
        "cereval_category": "code_generation",
        "cereval_band": "hard",
        "cereval_verdict": "FAIL_WRONG",
        "cereval_failure": "wrong result",
        "cereval_prompt_tokens": 800,
        "cereval_completion_tokens": 100,
    }


def test_several_answers_keep_their_order_and_name_a_class_once() -> None:
    wrong = an_attempt()
    right = an_attempt(verdict=Verdict.PASS, evidence={}, completion=a_completion(completion_tokens=7))

    facts = told(wrong, right, wrong)

    assert facts["cereval_verdict"] == "FAIL_WRONG PASS FAIL_WRONG"
    assert facts["cereval_failure"] == "wrong result"
    assert facts["cereval_completion_tokens"] == 207


def test_what_was_only_asked_has_no_verdict_and_a_pass_no_class() -> None:
    assert set(told()) == {"cereval_task", "cereval_category", "cereval_band"}
    assert "cereval_failure" not in told(an_attempt(verdict=Verdict.PASS, evidence={}))
    assert "cereval_completion_tokens" not in told(an_attempt(verdict=Verdict.INVALID, completion=None, evidence={}))
