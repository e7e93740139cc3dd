"""What an answer claims is found however it is written, and never at a cost that grows faster than its length."""

from __future__ import annotations

import ast
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.categories.understanding.answer import answer_schema, read
from pytest_cereval.categories.understanding.wording import MAX_LINES
from pytest_cereval.oracles.blocks import blocks
from pytest_cereval.oracles.candidate import MAX_ANSWER

CODE = "def f(a):\n    return a + 1\n"
FENCED = f"```python\n{CODE}```\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"LINE: 3\nWHY: off by one\n{FENCED}", (3,)),
        (f"Line: 3\n{FENCED}", (3,)),
        (f"**LINE:** 3\n{FENCED}", (3,)),
        (f"- **Line**: `3`\n{FENCED}", (3,)),
        (f"## Line number: 3 (the comparison)\n{FENCED}", (3,)),
        (f"LINE: 3, 7\n{FENCED}", (3, 7)),
        (f"LINES: 7 and 3\n{FENCED}", (3, 7)),
        (f"Faulty line(s): [3, 7]\n{FENCED}", (3, 7)),
        (f"LINE: 3-5\n{FENCED}", (3, 4, 5)),
        (f"LINE: 3: `if 5 < x:` is wrong\n{FENCED}", (3,)),
        (f"LINE: 3 (2 checks)\n{FENCED}", (3,)),
        (f"Bug: Line 4\n{FENCED}", (4,)),
        (f"Line 4\nThe sum is wrong.\n{FENCED}", (4,)),
        (f"The bug is on line 4, where 17 is added.\n{FENCED}", (4,)),
        (f"Lines 4 and 9 are wrong.\n{FENCED}", (4, 9)),
        (f"WHY: it is wrong\nLINE: 6\n{FENCED}", (6,)),
        (f"<think>LINE: 1</think>\nLINE: 2\n{FENCED}", (2,)),
        (f"LINE: 0\nIt is in line 3.\n{FENCED}", ()),
        (f"{FENCED}# LINE: 9\n", (9,)),
        ("```\nLINE: 9\n```", (9,)),
        (f"```\nLINE: 9\nWHY: off\n```\n\n{FENCED}", (9,)),
        (f"```python\nLINE: 9\n```\n\n{FENCED}", (9,)),
        (f"```\nline = 9\n```\n{FENCED}", ()),
        ('```\nTraceback\n  File "x.py", line 9, in f\n```\nIt adds.', ()),
        (f"LINE:\n3\nWHY: off\n{FENCED}", (3,)),
        (f"**LINE:**\n\n`3`\n{FENCED}", (3,)),
        (f"### LINE\n3\n{FENCED}", (3,)),
        (f"LINE:\n1. Take the sum.\n{FENCED}", ()),
        (f"LINE: no. 3\n{FENCED}", (3,)),
        (f"LINE: <3>\n{FENCED}", (3,)),
        (f"Bug: `None`, rather than the size, comes out in line 4\n{FENCED}", (4,)),
        (f"Bug: 0-based index used at line 5\n{FENCED}", (5,)),
        (f"Bug: 0-based index\n{FENCED}", ()),
        (f"**Bug:** no-op comparison in line 4\n{FENCED}", (4,)),
        (f"Bug: 2 arguments are swapped in line 7\n{FENCED}", (7,)),
        (f"Bug: 2 arguments are swapped\nLINE: 7\n{FENCED}", (7,)),
        (f"There is no bug on line 3, the bug is on line 5.\n{FENCED}", (5,)),
        ("Line 4 raises no error for a negative size.", (4,)),
        ("In line 4 it must be <=. Otherwise the function is correct.", (4,)),
        ("It must be <= in line 4; after this change there are no bugs.", (4,)),
        ("```console\n$ run it --from line 4\n```\nIt adds.", ()),
        ("In line 4 it is off by one; there are no other bugs.", (4,)),
        (f"It adds wrongly.\n{FENCED}", ()),
        ("The function is correct, except that line 4 is off by one.", (4,)),
        (f"With this there are no errors in line 4.\n{FENCED}", (4,)),
        ("", ()),
    ],
)
def test_the_named_lines_are_found(text: str, lines: tuple[int, ...]) -> None:
    assert read(text).lines == lines


@pytest.mark.parametrize(
    "text",
    [
        "LINE: none",
        "LINE: None.",
        "**LINE:** `none`",
        "line: N/A - nothing is wrong",
        "Bug: none, the function is correct",
        "There is no bug in this function.",
        "I do not see any errors here.",
        "The function is correct.",
        "The code looks fine to me, without any issues.",
        "There is no bug: line 3 guards the empty case.",
        "There is no bug; line 4 handles None.",
        "Looking at lines 3 and 4, there is no bug in this function.",
        "The check on line 2 handles None, so the function is correct.",
        "There is no bug in lines 1-8.",
        "LINE: None of the lines",
        "LINE:\n\nnone",
        "Bug:\nNone.",
        "Answer: none. It does what it says.",
        "```\nLINE: none\n```",
        "```text\nLINE: none\nWHY: all cases are handled\n```",
        '{"lines": [], "explanation": "right as it is", "function": ""}',
        '```json\n{"lines": [], "explanation": "", "function": ""}\n```',
    ],
)
def test_that_there_is_no_bug_can_be_said(text: str) -> None:
    claim = read(text)

    assert claim.denies
    assert claim.lines == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        FENCED,
        "I think so.",
        f"LINE: 3\nThere is no error handling.\n{FENCED}",
        f"Bug: None is returned instead of a list\n{FENCED}",
        f"Bug: `None`, rather than the size, comes out in line 4\n{FENCED}",
        f"Bug: no-op comparison\n{FENCED}",
        f"Bug: there is no error handling\n{FENCED}",
        f"LINE: no-op comparison\n{FENCED}",
        "There is no bug but in line 4.",
        f"With this there are no errors any more.\n{FENCED}",
        "<think>there is no bug",
    ],
)
def test_no_denial_is_read_into_other_words(text: str) -> None:
    assert not read(text).denies


@pytest.mark.parametrize("text", ["There is no bug; line 4 handles None.", "I see no bugs in this."])
def test_a_denial_beside_code_is_left_to_what_the_code_does(text: str) -> None:
    claim = read(f"{text}\n{FENCED}")

    assert claim.absolves
    assert not claim.denies
    assert not read(f"LINE: 4\n{text}\n{FENCED}").absolves


def test_a_json_answer_gives_lines_reason_and_code() -> None:
    answer = json.dumps({"lines": [5, 2], "explanation": "two faults", "function": CODE})

    for text in (answer, f"```json\n{answer}\n```"):
        claim = read(text)

        assert (claim.lines, claim.explanation, claim.denies) == ((2, 5), "two faults", False)
        (block,) = blocks(claim.text)
        assert ast.dump(ast.Module(list(block.body), [])) == ast.dump(ast.parse(CODE))


def test_code_with_fences_in_it_survives_json() -> None:
    code = 'def f():\n    """\n    ```\n    f()\n    ```\n    """\n    return 1\n'

    (block,) = blocks(read(json.dumps({"lines": [2], "explanation": "", "function": code})).text)

    assert ast.dump(ast.Module(list(block.body), [])) == ast.dump(ast.parse(code))


@pytest.mark.parametrize("lines", ["7", 7, ["7"], [7, True, None, {}], "line 7", [7.5, 7]])
def test_json_that_keeps_to_no_schema_is_read_as_far_as_it_goes(lines: object) -> None:
    assert read(json.dumps({"lines": lines, "explanation": 3, "function": CODE})).lines == (7,)


def test_line_numbers_copied_into_the_code_are_taken_off() -> None:
    shown = "\n".join(f"{number} | {line}" for number, line in enumerate(CODE.splitlines(), 1))

    (block,) = blocks(read(f"LINE: 2\n```python\n{shown}\n```").text)

    assert not block.problem
    assert ast.dump(ast.Module(list(block.body), [])) == ast.dump(ast.parse(CODE))


def test_code_that_only_looks_numbered_in_places_is_left_alone() -> None:
    text = "LINE: 1\n```python\nx = (1\n| 2)\n1 | x\n```"

    assert "1 | x" in read(text).text


def test_the_explanation_is_what_follows_its_label() -> None:
    claim = read(f"LINE: 3\nWHY: the bound\nis left out\n{FENCED}Corrected code: above\n")

    assert claim.explanation == "the bound is left out"


def test_an_answer_that_names_everything_names_only_so_many_lines() -> None:
    claim = read("LINE: " + ", ".join(map(str, range(1, 1000))))

    assert len(claim.lines) == MAX_LINES


@pytest.mark.parametrize(
    "text",
    [
        "LINE: " + "1," * 90_000,
        "LINE: " + "9" * 190_000,
        "line " * 40_000,
        "the " * 50_000,
        "*" * 199_000,
        "no " * 60_000 + "bug",
        "no " + "a" * 190_000,
        "\n".join(["```"] * 45_000),
        "LINE: none\n" * 18_000,
        "{" * 199_000,
        '{"lines": [' + "[" * 150_000,
        '{"lines": ' + "9" * 150_000 + "}",
        "WHY: x\n" * 28_000,
        "1 | x\n" * 33_000,
        "LINE:\n" * 33_000,
        "LINE:\n" + "\n" * 190_000,
        "no bug, yet " * 16_000,
        "no bug in line 1 " * 11_000,
        "no errors " * 19_000,
        "a\n" * 50_000 + "<think></think>\n" * 6_200,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_text_costs_little(text: str) -> None:
    begun = time.process_time()

    claim = read(text)

    assert len(text) <= MAX_ANSWER
    assert len(claim.lines) <= MAX_LINES
    assert time.process_time() - begun < 2.0


def test_an_answer_that_is_too_long_claims_nothing() -> None:
    claim = read("LINE: 3\n" + "x" * MAX_ANSWER)

    assert (claim.lines, claim.denies) == ((), False)


@given(st.text(alphabet='LINEline:none 0123456789`{}[]"\n,-*|#def', max_size=300))
def test_any_text_gives_a_claim(text: str) -> None:
    claim = read(text)

    assert not (claim.lines and claim.denies)
    assert list(claim.lines) == sorted(set(claim.lines))


def test_the_schema_allows_what_the_prompt_asks_for_and_nothing_else() -> None:
    schema = answer_schema()

    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
    assert json.loads(json.dumps(schema)) == schema
