"""What a person reads under a failing item, and that no text from a model can act on the terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.report.text import evidence_lines, failure_text, other_evidence
from pytest_cereval.results.printing import one_line, printable
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import a_completion, an_attempt

Golden = Callable[[str, str], None]


@given(st.text(st.characters()))
def test_printable_text_holds_nothing_that_acts(text: str) -> None:
    shown = printable(text)

    assert all(each.isprintable() or each in "\n\t" for each in shown)
    shown.encode()


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[31mred", r"\x1b[2J\x1b[31mred"),
        ("PASS\rFAIL", r"PASS\rFAIL"),
        ("a\x08b\x07", r"a\x08b\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("if level\u202e ⁦# admin", r"if level\u202e \u2066# admin"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("half \ud83d", r"half \ud83d"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("naïve 漢字 é", "naïve 漢字 é"),
    ],
)
def test_what_would_act_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    assert printable("abcdef", 4) == "abcd… (2 more characters)"
    assert printable("abcd", 4) == "abcd"


@given(st.text(st.characters()))
def test_text_for_one_line_is_one_line(text: str) -> None:
    assert one_line(text).isprintable()
    assert len(f"<{one_line(text)}>".splitlines()) == 1


def test_text_from_an_answer_cannot_begin_a_line_of_its_own() -> None:
    evil = "x\nPASS: behaves like the reference"
    smallest = {"call": evil, "expected": evil, "observed": evil, "aspect": "value", "where": evil}
    lint = [{"tool": evil, "code": evil, "line": 1, "message": evil}]
    attempt = an_attempt(
        task_name=evil,
        detail=evil,
        evidence={"smallest": smallest, "lint": lint, evil: evil, "error": evil},
        candidate=evil,
    )

    for text in (failure_text(attempt, evil), failure_text(an_attempt(detail=evil, evidence={"error": evil}))):
        assert not [line for line in text.splitlines() if line.startswith("PASS")]


def test_a_call_that_can_be_pasted_is_shown_as_python() -> None:
    smallest = {
        "call": "f(1)",
        "expected": "3",
        "observed": "4",
        "aspect": "value",
        "where": "",
        "paste": "f(\n    1\n)",
    }

    assert "this call as Python\n  f(\n      1\n  )\n" in failure_text(an_attempt(evidence={"smallest": smallest}))


def test_what_linters_say_and_another_signature_are_told_in_words() -> None:
    evidence = {
        "lint": [{"tool": "ruff", "code": "F841", "line": 3, "message": "Local variable `x` is never used"}, "odd"],
        "signature": {"given": "def f(x)", "original": "def f(a, b)"},
        "missing": "no code",
    }
    text = failure_text(an_attempt(evidence=evidence))

    assert "linters say, outside the verdict\n  line 3: F841 Local variable `x` is never used (ruff)\n  odd\n" in text
    assert "another signature\n  def f(x)\n  where the original is\n  def f(a, b)\n" in text
    assert "missing" not in text


def test_a_wrong_answer_shows_the_smallest_call_and_both_results(golden: Golden) -> None:
    text = failure_text(an_attempt(), "Return x, but at least low and at most high.\n\nRaises nothing.")

    golden("failure_wrong.txt", text + "\n")


def test_arguments_that_differ_after_the_call_are_told_in_words(golden: Golden) -> None:
    attempt = an_attempt(
        sample=2,
        reused=True,
        requirement="inferred",
        evidence={
            "checked": 7,
            "differing": 1,
            "hidden": 41,
            "smallest": {
                "call": "merge(\n    {'a': 1},\n    {},\n)",
                "expected": "returns {'a': 1}\nafter: [{'a': 1}, {}]",
                "observed": "returns {'a': 1}\nafter: [{}, {}]",
                "aspect": "after",
                "where": "$.arguments[0]['a']",
            },
        },
    )

    golden("failure_after.txt", failure_text(attempt) + "\n")


def test_a_crash_shows_the_error_and_the_tail_of_the_output(golden: Golden) -> None:
    attempt = an_attempt(
        verdict=Verdict.FAIL_LOAD,
        detail="NameError: name 'Optional' is not defined",
        evidence={
            "error": "Traceback (most recent call last):\n  line 3\nNameError: name 'Optional'",
            "output": "".join(f"line {number}\n" for number in range(20)) + "\x1b]0;owned\x07last\n",
        },
        sandbox_level="landlock",
    )

    golden("failure_load.txt", failure_text(attempt) + "\n")


def test_an_attempt_without_a_completion_says_what_there_is(golden: Golden) -> None:
    attempt = an_attempt(
        verdict=Verdict.INVALID,
        detail="the process that holds the model died",
        completion=None,
        candidate="",
        evidence={},
        judge_s=0.0,
        sandbox_level="",
    )

    golden("failure_invalid.txt", failure_text(attempt) + "\n")


def test_evidence_of_other_categories_is_shown_as_it_is() -> None:
    evidence = {"located": {"named": 3, "planted": 7}, "exploit": "\x1b[31m; rm", "smallest": {"seed": 5}}

    text = failure_text(an_attempt(category="security_audit", evidence=evidence))

    assert '\nlocated\n  {\n   "named": 3,\n   "planted": 7\n  }\n' in text
    assert "\nexploit\n  \\x1b[31m; rm\n" in text
    assert "\nsmallest seed\n  5\n" in text


def test_a_long_answer_is_cut_and_says_so() -> None:
    candidate = "".join(f"line_{number} = {number}\n" for number in range(200))

    text = failure_text(an_attempt(candidate=candidate))

    assert "  line_59 = 59\n  … 140 more lines\n" in text
    assert "line_60" not in text


def test_a_very_long_line_is_cut() -> None:
    text = failure_text(an_attempt(candidate="x" * 5000))

    assert "x" * 400 + "…\n" in text
    assert "x" * 401 not in text


def test_no_part_of_an_attempt_reaches_the_terminal_raw() -> None:
    hostile = "\x1b[2J"
    attempt = an_attempt(
        task_name=hostile,
        detail=hostile,
        candidate=hostile,
        prompt_user=hostile,
        evidence={
            "smallest": dict.fromkeys(("call", "expected", "observed", "where", "aspect", "other"), hostile),
            "error": hostile,
            "output": hostile,
            hostile: hostile,
        },
        completion=a_completion(),
    )

    assert "\x1b" not in failure_text(attempt)
    assert "\x1b" not in failure_text(attempt, requirement=hostile)


def test_a_call_to_paste_is_shown_whole_or_not_at_all() -> None:
    def shown(paste: str) -> str:
        return "\n".join(evidence_lines({"smallest": {"call": "f(1)", "paste": paste}}))

    assert "  f(1)" in shown("from m import f\n\nf(1)")
    assert "this call as Python" in shown("from m import f\n\nf(1)")
    assert "this call as Python" not in shown("x" * 5000)
    assert dict(other_evidence({"smallest": {"paste": "x" * 5000}})) == {"this call as Python": "x" * 5000}
