"""State of a package that one call leaves must not reach the next."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_cereval.inside.isolation import State

CODE = """
total = 0
seen = []
class Counter:
    made = 0
    known = {"a": 1}
    def __init__(self):
        self.items = set()
shared = Counter()
"""


@pytest.fixture
def module() -> Iterator[Any]:
    made: Any = types.ModuleType("stateful.inner")
    sys.modules["stateful.inner"] = made
    exec(CODE, vars(made))  # noqa: S102 - a module in the making
    made.Counter.__module__ = "stateful.inner"
    yield made
    del sys.modules["stateful.inner"]


def test_bindings_and_contents_are_put_back_in_place(module: Any) -> None:
    state = State("stateful")
    same = module.seen, module.Counter.known
    module.total, module.Counter.made = 5, 5
    module.seen.append(1)
    module.Counter.known["b"] = 2
    module.shared.items.add(3)
    state.restore()
    assert (module.total, module.Counter.made, module.seen) == (0, 0, [])
    assert (module.Counter.known, module.shared.items) == ({"a": 1}, set())
    assert module.seen is same[0]
    assert module.Counter.known is same[1]


def test_the_names_of_the_functions_own_module_are_left_alone(module: Any) -> None:
    state = State("stateful.inner")
    module.seen.append(1)
    module.Counter.known.clear()
    state.restore()
    assert (module.seen, module.Counter.known) == ([1], {"a": 1})


def test_an_exchanged_container_is_bound_again(module: Any) -> None:
    state = State("stateful")
    module.Counter.known = {}
    state.restore()
    assert module.Counter.known == {"a": 1}
