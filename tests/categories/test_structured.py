"""A JSON object is read from an answer in one way for all categories, bounded and without running any of it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.categories.audit.answer import Answer, parse_answer
from pytest_cereval.categories.structured import json_object
from pytest_cereval.categories.understanding.answer import read
from tests.categories.audit.test_answer import EXPLOIT, FUNCTION

RAW = '{"verdict": "vulnerable", "cwe": 89, "line": 3, "exploit": "' + EXPLOIT + '"}'


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '  {"a": 1}\n',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}\n```\n',
        'JSON {"a": 1}',
        '\ufeff{"a": 1}',
        '{"a": 1}\n\nThis {holds} because of it.',
        '{"a": 1} {"a": 2}',
    ],
)
def test_an_object_is_read_bare_or_in_a_fence(text: str) -> None:
    assert json_object(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "{", "}{", "[1]", "null", "{'a': 1}", '{"a": 1', 'So: {"a": 1}', "{1: 2}"])
def test_anything_else_is_none(text: str) -> None:
    assert json_object(text) is None


def test_line_breaks_and_tabs_inside_texts_are_taken_as_they_are() -> None:
    assert json_object('{"a": "x\n\ty"}') == {"a": "x\n\ty"}


def test_both_categories_read_a_text_with_line_breaks_in_it() -> None:
    audit = parse_answer(RAW, FUNCTION)
    understanding = read('{"lines": [3], "explanation": "off by one", "function": "def f(x):\n    return x\n"}')

    assert isinstance(audit, Answer)
    assert (audit.cwe, audit.exploit) == (89, EXPLOIT)
    assert understanding.lines == (3,)
    assert "def f(x):\n    return x" in understanding.text


@pytest.mark.parametrize("part", ["{", '{"a":', "[", '{"a":[', '"', "{}", "1", "\n", '{"a":' + "9" * 5000 + "}"])
def test_a_long_text_of_one_part_costs_little(part: str) -> None:
    text = part * (400_000 // len(part))
    start = time.process_time()
    json_object(text)

    assert time.process_time() - start < 2


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text(), max_size=3))
def test_what_was_written_is_read(data: dict[str, object]) -> None:
    assert json_object(json.dumps(data)) == data
