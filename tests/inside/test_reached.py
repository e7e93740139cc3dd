"""The lines of a function are those that its call goes through, whenever that is; the work around it is not watched."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any, cast

import pytest

from pytest_cereval.inside.calls import observe
from pytest_cereval.inside.reached import Lines, lines_of


def absolute(number: int) -> int:
    if number < 0:
        return -number
    return number


def counted(limit: int) -> Iterator[int]:
    yield from range(limit)
    yield limit


def wrapped(limit: int) -> dict[str, Any]:
    return {"items": (number + 1 for number in range(limit))}


def refusing(number: int) -> int:
    raise ValueError(number)


def watching(function: Any) -> contextlib.AbstractContextManager[Lines]:
    return lines_of(cast("types.FunctionType", function))


def offsets(function: Any, *arguments: Any) -> list[int]:
    call = {"names": [], "positional": list(arguments), "star": (), "keyword": {}, "double_star": {}}
    with watching(function) as lines:
        observe(lines.call, call)
    return sorted(line - function.__code__.co_firstlineno for line in lines.reached)


@pytest.fixture(autouse=True)
def no_other_trace() -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)


def test_each_way_through_a_function_has_its_lines() -> None:
    assert offsets(absolute, 3) == [1, 3]
    assert offsets(absolute, -3) == [1, 2]


def test_a_generator_is_watched_until_it_is_exhausted() -> None:
    assert offsets(counted, 2)[-1] == 2


def test_what_lies_in_a_result_and_has_only_begun_is_watched_too() -> None:
    with watching(wrapped) as lines:
        returned = lines.call(2)
        seen = sys.gettrace()
        assert list(returned["items"]) == [1, 2]
    assert seen is not None


def test_nothing_is_watched_behind_a_call_that_is_over() -> None:
    for function, number in ((absolute, 1), (refusing, 1)):
        with watching(function) as lines:
            with contextlib.suppress(ValueError):
                lines.call(number)
            assert sys.gettrace() is None
        assert lines.reached


def test_a_pause_ends_when_the_function_is_called() -> None:
    with watching(absolute) as lines:
        absolute(-1)
        lines.pause()
        absolute(1)
        assert {line - absolute.__code__.co_firstlineno for line in lines.reached} == {1, 2}
        lines.call(1)
    assert {line - absolute.__code__.co_firstlineno for line in lines.reached} == {1, 2, 3}
    assert sys.gettrace() is None
