"""What a session says is taken for claims about the tests that were asked for, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cereval.oracles.claims import Claim, Claims
from pytest_cereval.oracles.replies import ProtocolError
from pytest_cereval.results.verdict import Verdict

NAMES = ["t.py::a", "t.py::b"]
ALL = {"setup": "passed", "call": "passed", "teardown": "passed"}
END = {"broken": "", "changed": []}


def ended(name: str) -> dict[str, Any]:
    return {"id": "1", "test": {"name": name, "phases": ALL, "raised": ""}}


def told(*messages: dict[str, Any]) -> Claims:
    claims = Claims(NAMES)
    for message in ({"id": "1", "collected": True}, *messages):
        claims.take(message, "1")
    return claims


def test_a_session_that_says_all_is_over_and_clean() -> None:
    claims = told(ended("t.py::a"), ended("t.py::b"), {"id": "1", "finished": END})
    assert claims.over
    assert not claims.failing
    assert [claim.word for claim in claims.all] == ["passed", "passed"]


@pytest.mark.parametrize(
    "messages",
    [
        [ended("t.py::b")],
        [ended("t.py::a"), ended("t.py::a")],
        [ended("t.py::a"), ended("t.py::b"), ended("t.py::b")],
        [{"id": "2", "test": {}}],
        [{"id": "1", "collected": True}],
        [{"id": "1", "test": {"name": "t.py::a", "phases": ALL, "raised": "", "verdict": "PASS"}}],
        [{"id": "1", "test": {"name": "t.py::a", "phases": {"call": "perfect"}, "raised": ""}}],
        [{"id": "1", "test": {"name": "t.py::a", "phases": {"before": "passed"}, "raised": ""}}],
        [{"id": "1", "test": {"name": "t.py::a", "phases": ALL, "raised": "x" * 5000}}],
        [{"id": "1", "test": {"name": "t.py::a", "phases": ALL, "raised": 4}}],
        [{"id": "1", "finished": END, "verdict": "PASS"}],
        [{"id": "1", "finished": {"broken": "", "changed": ["x"] * 500}}],
        [{"id": "1", "finished": {"broken": ""}}],
        [{"id": "1", "finished": END}, {"id": "1", "finished": END}],
    ],
)
def test_anything_else_is_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(ProtocolError):
        told(*messages)


def test_an_end_before_all_tests_says_which_are_missing() -> None:
    claims = told(ended("t.py::a"), {"id": "1", "finished": END})
    assert claims.missing == "1 of 2 tests were reported"


@pytest.mark.parametrize(
    ("phases", "raised", "verdict"),
    [
        ({}, "", Verdict.PASS),
        ({"call": "failed"}, "AssertionError: 1", Verdict.FAIL_WRONG),
        ({"call": "failed"}, "Failed: DID NOT RAISE", Verdict.FAIL_WRONG),
        ({"call": "failed"}, "KeyError: 'a'", Verdict.FAIL_EXCEPTION),
        ({"call": "failed"}, "MemoryError: ", Verdict.FAIL_MEMORY),
        ({"teardown": "failed"}, "AssertionError: 1", Verdict.FAIL_WRONG),
        ({"call": "skipped"}, "Skipped: no", Verdict.FAIL_VACUOUS),
        ({"call": "xfailed"}, "XFailed: no", Verdict.FAIL_VACUOUS),
        ({"call": "xpassed"}, "", Verdict.FAIL_VACUOUS),
    ],
)
def test_how_a_test_ends_is_a_verdict(phases: dict[str, str], raised: str, verdict: Verdict) -> None:
    assert Claim("t", tuple((ALL | phases).items()), raised).verdict is verdict


def test_a_phase_that_did_not_run_is_no_pass() -> None:
    claim = Claim("t", (("setup", "passed"), ("call", "passed")), "")
    assert claim.word == "teardown missing"
    assert claim.verdict is Verdict.FAIL_VACUOUS


def test_what_a_session_says_is_escaped() -> None:
    claims = Claims(NAMES)
    claims.take({"id": "1", "missing": "load: \x1b[31mno"}, "1")
    assert claims.over
    assert claims.missing is not None
    assert "\x1b" not in claims.missing
