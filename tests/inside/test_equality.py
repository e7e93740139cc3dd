"""Which observations are the same behaviour."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cereval.inside.equality import comparable, difference, same_tree
from pytest_cereval.inside.observation import Encoder


def tree(value: Any) -> Any:
    return Encoder().encode(value)


def returned(value: Any, after: Any = None) -> dict[str, Any]:
    return {"kind": "returned", "value": tree(value), "after": tree(after or {}), "whole": True}


def raised(name: str, text: str = "", after: Any = None) -> dict[str, Any]:
    return {
        "kind": "raised",
        "value": ["e", f"builtins:{name}", ["t", text]],
        "after": tree(after or {}),
        "whole": True,
    }


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1, 2}, {2, 1}),
        (0.1 + 0.2, 0.3),
        (float("nan"), float("nan")),
        ([1e-13], [0.0]),
        (complex(0.1 + 0.2, 1), complex(0.3, 1)),
    ],
)
def test_these_are_the_same(left: Any, right: Any) -> None:
    assert same_tree(tree(left), tree(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (True, 1),
        (1, 1.0),
        ((1,), [1]),
        ("a", b"a"),
        ({1}, frozenset({1})),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ({"a": 1}, {"a": 1, "b": None}),
        ({"a": 1}, {"a": 2}),
        (1.0, 1.000001),
        (0.0, float("nan")),
        (float("inf"), -float("inf")),
        (None, False),
        ([], None),
    ],
)
def test_these_are_not_the_same(left: Any, right: Any) -> None:
    assert not same_tree(tree(left), tree(right))
    assert not same_tree(tree(right), tree(left))


@pytest.mark.parametrize(
    ("expected", "observed", "aspect"),
    [
        (returned(1), returned(1), None),
        (returned(1), returned(2), "value"),
        (returned(1), raised("ValueError"), "kind"),
        (raised("ValueError", "one text"), raised("ValueError", "another"), None),
        (raised("ValueError"), raised("KeyError"), "value"),
        (returned(1, {"self": [1]}), returned(1, {"self": [2]}), "after"),
        (raised("ValueError", after={"a": 1}), raised("ValueError", after={"a": 2}), "after"),
    ],
)
def test_the_first_aspect_that_differs_is_named(expected: Any, observed: Any, aspect: str | None) -> None:
    assert difference(expected, observed) == aspect


def test_the_text_of_an_exception_has_no_part_in_repetition() -> None:
    assert comparable(raised("ValueError", "one")) == comparable(raised("ValueError", "two"))
    assert comparable(raised("ValueError")) != comparable(raised("KeyError"))


@pytest.mark.parametrize("broken", [["f", "no float"], ["d", [1]], ["d", 7], [], ["S"], ["f"]])
def test_a_broken_tree_equals_no_sound_one(broken: Any) -> None:
    assert not same_tree(tree(1.5), broken)
    assert not same_tree(tree({"a": 1}), broken)
