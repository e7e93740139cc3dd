"""Trees are made quietly, and what another thread upsets meanwhile is made again."""

from __future__ import annotations

import ast
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_cereval.inside.syntax import parse, parse_expression

UPSET = "AST constructor recursion depth mismatch (before=42, after=32)"
real: Any = ast.parse


def failing(times: int, message: str) -> Any:
    """`ast.parse` that fails `times` times first."""
    left = [times]

    def stand_in(*arguments: Any, **keywords: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise SystemError(message)
        return real(*arguments, **keywords)

    return stand_in


def test_a_depth_that_another_thread_upset_says_nothing_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ast, "parse", failing(3, UPSET))
    assert ast.unparse(parse("a = 1")) == "a = 1"

    monkeypatch.setattr(ast, "parse", failing(3, UPSET))
    assert ast.unparse(parse_expression("a + 1")) == "a + 1"


@pytest.mark.parametrize(("times", "message"), [(1000, UPSET), (1, "something else")])
def test_what_stays_wrong_or_is_unknown_is_raised(times: int, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ast, "parse", failing(times, message))
    with pytest.raises(SystemError, match=message.split(" (")[0]):
        parse("a = 1")


def test_many_threads_parse_at_once_and_nothing_warns() -> None:
    text = "\n".join(f"def f{n}(a):\n    return '\\d' if a is 1 else [a, (a, {{a: a + {n}}})]" for n in range(60))
    expected = ast.dump(parse(text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: ast.dump(parse(text)), range(40))) == {expected}


def test_a_text_that_is_no_code_is_an_error_of_the_text() -> None:
    with pytest.raises(SyntaxError):
        parse("a =")
    with pytest.raises(SyntaxError):
        parse_expression("a = 1")
