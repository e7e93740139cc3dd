"""Shapes stay the same while data stay data."""

from __future__ import annotations

import sqlite3
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.inside.shapes import code_shape, code_texts, sql_shape, sql_texts

SELECT = "SELECT a FROM t WHERE b = '%s'"
MEANT = sql_shape(SELECT % "x")


@pytest.mark.parametrize("value", ["", "x", "a''b", "-- x", "/* x */", "1 OR 1", '"'])
def test_a_text_that_stays_one_does_not_change_a_statement(value: str) -> None:
    assert sql_shape(SELECT % value) == MEANT


@pytest.mark.parametrize(
    "value", ["x' OR '1", "' --", "x' /*", "' UNION SELECT 1 --", "'; DROP TABLE t; --", "' || \"b\" || '"]
)
def test_a_text_that_ends_early_does(value: str) -> None:
    assert sql_shape(SELECT % value) != MEANT


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_bound_values_never_change_a_statement(value: str) -> None:
    seen: list[str] = []
    connection = sqlite3.connect(":memory:")
    connection.set_trace_callback(seen.append)
    connection.execute("SELECT ?", (value,))
    connection.close()

    assert sql_shape(seen[0]) == sql_shape("SELECT 'x'")
    assert sql_texts(seen[0]) == [value]


@given(st.text(max_size=30))
def test_quoted_values_never_change_code(value: str) -> None:
    assert code_shape(f"d[{value!r}]") == code_shape("d['x']")
    assert code_texts(f"d[{value!r}]") == [value]


@pytest.mark.parametrize("value", ["x'] or d['y", "x'.join('y') + '", "x' if 0 else '"])
def test_values_that_end_early_change_code(value: str) -> None:
    assert code_shape(f"d['{value}']") != code_shape("d['x']")


@pytest.mark.parametrize("text", ["'" * 200_000, "(" * 200_000, "x" * 200_000, "/*" * 100_000, "-" * 200_000, "\0"])
def test_hostile_texts_cost_little(text: str) -> None:
    start = time.process_time()
    sql_shape(text)
    sql_texts(text)
    code_shape(text)
    code_texts(text)

    assert time.process_time() - start < 5
