"""What an answer claims is read in many forms, bounded and without running any of it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.categories.audit.answer import NO_VERDICT, Answer, answer_schema, parse_answer
from pytest_cereval.oracles.candidate import MAX_ANSWER, NO_END, TOO_LONG, NoAnswer
from pytest_cereval.source.functions import SourceFunction

EXPLOIT = "def exploit(target, canary):\n    target(name=canary)"
BLOCK = f"```python\n{EXPLOIT}\n```\n"
FIX = "```python\ndef greeting(name):\n    return name\n```\n"
FUNCTION = SourceFunction(
    *("a.py", "a", ".", "greeting", "", 0, 1, 1, 2, (), False, False, False, None, ("name",), (), 1),
    "def greeting(name):\n    return name\n",
)


def read(text: str) -> Answer:
    found = parse_answer(text, FUNCTION)
    assert isinstance(found, Answer), found
    return found


@pytest.mark.parametrize(
    "head",
    [
        "VERDICT: vulnerable\nCWE: CWE-89\nLINE: 7\n",
        "Verdict: Vulnerable.\nCWE: 89\nLine: 7\n",
        "**VERDICT:** vulnerable\n**CWE:** CWE-89 (SQL injection)\n**LINE:** 7\n",
        "- verdict: `vulnerable`\n- cwe: `CWE-89`\n- line: `7`\n",
        "Here is what I found.\n\n# Verdict: unsafe\nThis is CWE-89.\nLine number: 7\n",
        "<think>VERDICT: safe</think>\nVERDICT: vulnerable\nCWE: CWE 89\nLINE: 7-9\n",
        "verdict = yes\ncwe_id: 89\nlines 7 to 9\n",
    ],
)
def test_a_report_is_read_in_many_forms(head: str) -> None:
    answer = read(head + BLOCK)

    assert answer.vulnerable
    assert (answer.cwe, answer.line) == (89, 7)
    assert answer.exploit == EXPLOIT


@pytest.mark.parametrize(
    "word", ["safe", "Safe.", "not vulnerable", "NOT VULNERABLE", "secure", "**safe**", "no weakness"]
)
def test_a_clean_bill_is_read(word: str) -> None:
    assert not read(f"VERDICT: {word}\nCWE: none\nLINE: none\n").vulnerable


@pytest.mark.parametrize(
    "words",
    [
        "vulnerable (the name is not safe to pass on)",
        "Vulnerable: no quoting",
        "vulnerable, and not clean",
        "not safe",
        "NOT SECURE",
        "no longer safe",
        "vulnerability found",
        "weak",
    ],
)
def test_the_first_word_decides_and_a_negation_belongs_to_its_word(words: str) -> None:
    assert read(f"VERDICT: {words}\nCWE: CWE-89\nLINE: 7\n").vulnerable


@pytest.mark.parametrize(
    "words",
    [
        "no vulnerability found",
        "not a vulnerability",
        "safe, nothing is vulnerable",
        "no weaknesses",
        "not exploitable",
    ],
)
def test_a_negated_finding_is_a_clean_bill(words: str) -> None:
    assert not read(f"VERDICT: {words}\nCWE: none\nLINE: none\n").vulnerable


def test_a_helper_with_the_function_s_name_stays_with_the_exploit() -> None:
    helped = (
        "```python\ndef greeting(x):\n    return x\n\n\ndef exploit(target, canary):\n    target(greeting(canary))\n```"
    )

    assert "def greeting" in read(f"VERDICT: vulnerable\n{helped}\n").exploit


def test_an_answer_as_json_says_the_same() -> None:
    data = {
        "verdict": "vulnerable",
        "cwe": 78,
        "line": 3,
        "exploit": EXPLOIT,
        "fix": "def greeting(name):\n    return name\n",
    }

    for text in (json.dumps(data), f"```json\n{json.dumps(data, indent=1)}\n```"):
        answer = read(text)
        assert (answer.vulnerable, answer.cwe, answer.line, answer.exploit) == (True, 78, 3, EXPLOIT)
        assert answer.fix.startswith("def greeting")
    assert set(data) == set(answer_schema()["properties"])


def test_a_fix_and_the_exploit_are_told_apart() -> None:
    answer = read(f"VERDICT: vulnerable\n{BLOCK}{FIX}")
    together = read(f"VERDICT: vulnerable\n```python\nimport os\n{EXPLOIT}\n\ndef greeting(name):\n    return 1\n```")

    assert "def greeting" in answer.fix
    assert "def greeting" not in answer.exploit
    assert "def greeting" not in together.exploit
    assert together.exploit.startswith("import os")


def test_an_exploit_without_a_verdict_is_a_report() -> None:
    assert read(BLOCK).vulnerable


def test_a_broken_exploit_is_named() -> None:
    answer = read("VERDICT: vulnerable\n```python\ndef exploit(target, canary:\n    pass\n```\n")

    assert answer.exploit == ""
    assert answer.problem.startswith("the exploit does not parse: line 1")
    assert read("VERDICT: vulnerable\nCWE: CWE-78\n").problem == "no exploit is given"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NO_VERDICT),
        ("It may well be fine.", NO_VERDICT),
        ('{"verdict": "maybe"}', NO_VERDICT),
        ("<think>VERDICT: safe", NO_END),
        ("x" * (MAX_ANSWER + 1), TOO_LONG),
    ],
)
def test_what_holds_no_verdict_is_no_answer(text: str, reason: str) -> None:
    found = parse_answer(text, FUNCTION)

    assert isinstance(found, NoAnswer)
    assert found.reason == reason


@pytest.mark.parametrize(
    "part",
    ["verdict ", "VERDICT: ", "CWE", "cwe cwe ", "line ", "`", "```python\n", "{", "[", '{"verdict":', "\n", "*", "( "],
)
def test_a_long_text_of_one_part_costs_little(part: str) -> None:
    text = (part * MAX_ANSWER)[:MAX_ANSWER]
    start = time.process_time()
    parse_answer(text, FUNCTION)

    assert time.process_time() - start < 5


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["VERDICT:", "safe", "vulnerable", "\n", "CWE-", "9", BLOCK, "{", "}", '"'])).map(
        "".join
    )
)
def test_no_text_breaks_the_parser(text: str) -> None:
    assert isinstance(parse_answer(text, FUNCTION), Answer | NoAnswer)
