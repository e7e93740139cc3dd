"""In what portions functions are certified where a limit asks for few."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_cereval.tasks.select import batch_from


def test_a_batch_holds_so_many_functions_that_tests_call_and_all_others_on_the_way() -> None:
    order: Any = [SimpleNamespace(name=name) for name in "abcdefg"]

    def names(called: str, size: int) -> str:
        return "".join(function.name for function in batch_from(order, set(called), size))

    assert names("bdf", 2) == "abcd"
    assert names("bdf", 1) == "ab"
    assert names("bdf", 9) == names("", 1) == "abcdefg"
    assert names("abcdefg", 3) == "abc"
    assert list(batch_from([], {"a"}, 3)) == []
