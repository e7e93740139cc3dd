"""Each verdict with its evidence falls in one class, by known answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.results.failure import Failure, failure_of
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import any_attempt


def smallest(observed: str, expected: str = "3", aspect: str = "value") -> dict[str, Any]:
    return {"smallest": {"call": "f(1)", "expected": expected, "observed": observed, "aspect": aspect, "where": ""}}


OTHER = {"signature": {"given": "def f(x)", "original": "def f(a, b)"}}
COROUTINE = {"signature": {"given": "async def f(a, b)", "original": "def f(a, b)"}}
PLAIN = {"signature": {"given": "def f(a, b)", "original": "async def f(a, b)"}}


@pytest.mark.parametrize(
    ("verdict", "evidence", "failure"),
    [
        (Verdict.PASS, {}, None),
        (Verdict.PASS, OTHER, None),
        (Verdict.INVALID, {"error": "SyntaxError: x"}, None),
        (Verdict.NO_ANSWER, {"missing": "no code"}, "no code"),
        (Verdict.NO_ANSWER, {"missing": "does not parse"}, "does not parse"),
        (Verdict.NO_ANSWER, {"missing": "wrong name or signature"}, "wrong name or signature"),
        (Verdict.NO_ANSWER, {}, "no code"),
        (Verdict.NO_ANSWER, {"missing": ["no code"]}, "no code"),
        (Verdict.FAIL_LOAD, {"error": "ModuleNotFoundError: No module named 'x'"}, "import error"),
        (Verdict.FAIL_LOAD, {"error": "SyntaxError: 'return' outside function"}, "does not parse"),
        (Verdict.FAIL_LOAD, {"error": "the process ended while the file was imported"}, "import error"),
        (Verdict.FAIL_WRONG, smallest("4"), "wrong result"),
        (Verdict.FAIL_WRONG, smallest("4", aspect="printed"), "wrong result"),
        (Verdict.FAIL_WRONG, smallest("[1]", "[]", aspect="after"), "mutates arguments"),
        (Verdict.FAIL_WRONG, smallest("4", "raises ValueError", aspect="kind"), "wrong exception"),
        (Verdict.FAIL_WRONG, smallest("4") | OTHER, "wrong result"),
        (Verdict.FAIL_WRONG, smallest("4") | COROUTINE, "wrong name or signature"),
        (Verdict.FAIL_WRONG, smallest("4") | PLAIN, "wrong name or signature"),
        (Verdict.FAIL_WRONG, {}, "wrong result"),
        (Verdict.FAIL_EXCEPTION, smallest("raises KeyError: 1", aspect="kind"), "wrong exception"),
        (Verdict.FAIL_EXCEPTION, smallest("raises TypeError: missing", aspect="kind"), "wrong exception"),
        (
            Verdict.FAIL_EXCEPTION,
            smallest("raises TypeError: missing", aspect="kind") | OTHER,
            "wrong name or signature",
        ),
        (Verdict.FAIL_EXCEPTION, smallest("raises KeyError: 1", aspect="kind") | OTHER, "wrong exception"),
        (Verdict.FAIL_EXCEPTION, smallest("raises ModuleNotFoundError: x", aspect="kind"), "import error"),
        (Verdict.FAIL_EXCEPTION, {"smallest": "text"}, "wrong exception"),
        (Verdict.FAIL_TIMEOUT, {}, "timeout"),
        (Verdict.FAIL_MEMORY, smallest("raises MemoryError", aspect="kind"), "memory"),
        (Verdict.FAIL_PROCESSES, {}, "other limit"),
        (Verdict.FAIL_OUTPUT, {}, "other limit"),
        (Verdict.FAIL_EARLY_EXIT, {}, "early exit"),
        (Verdict.FAIL_NONDET, smallest("4"), "nondeterministic"),
        (Verdict.FAIL_PROTOCOL, {}, "tamper"),
        (Verdict.FAIL_UNREPRESENTABLE, smallest("<generator>"), "wrong result"),
    ],
)
def test_a_verdict_with_its_evidence_falls_in_a_class(
    verdict: Verdict, evidence: dict[str, Any], failure: str | None
) -> None:
    assert failure_of(verdict, evidence) == failure


@pytest.mark.parametrize("verdict", Verdict)
def test_every_failed_attempt_has_a_class_and_no_other(verdict: Verdict) -> None:
    assert (failure_of(verdict, {}) is None) == (verdict in (Verdict.PASS, Verdict.INVALID, Verdict.UNCONFIRMED))


@given(any_attempt())
def test_no_evidence_is_too_strange(attempt: Any) -> None:
    found = failure_of(attempt.verdict, attempt.evidence)
    assert found is None or found in Failure


@given(st.sampled_from(Failure))
def test_each_class_has_a_sentence(failure: Failure) -> None:
    assert failure.meaning
    assert not failure.meaning.endswith(".")
