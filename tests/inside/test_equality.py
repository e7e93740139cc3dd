"""Which observations are the same behaviour."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

from pytest_cereval.inside.equality import EXACT, TOLERANCE, Level, comparable, difference, rounded, same_tree
from pytest_cereval.inside.observation import Encoder


def tree(value: Any) -> Any:
    return Encoder().encode(value)


def returned(value: Any, after: Any = None) -> dict[str, Any]:
    return {"kind": "returned", "value": tree(value), "after": tree(after or {}), "printed": "", "whole": True}


def raised(name: str, text: str = "", after: Any = None) -> dict[str, Any]:
    return {
        "kind": "raised",
        "value": ["e", f"builtins:{name}", ["t", text]],
        "after": tree(after or {}),
        "printed": "",
        "whole": True,
    }


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1, 2}, {2, 1}),
        (-0.0, 0.0),
        (float("nan"), float("nan")),
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


def test_floats_are_exact_unless_the_level_says_otherwise() -> None:
    near = Level(floats=TOLERANCE)
    assert not same_tree(tree(0.1 + 0.2), tree(0.3))
    assert same_tree(tree(0.1 + 0.2), tree(0.3), near)
    assert same_tree(tree(complex(0.1 + 0.2, 1)), tree(complex(0.3, 1)), near)
    assert not same_tree(tree(1.0), tree(1.000001), near)


def test_the_order_of_a_dictionary_counts_only_where_callers_depend_on_it() -> None:
    left, right = tree({"a": 1, "b": 2}), tree({"b": 2, "a": 1})
    assert same_tree(left, right)
    assert not same_tree(left, right, Level(ordered=True))
    assert same_tree(left, left, Level(ordered=True))


def test_an_ordered_dictionary_is_compared_in_order() -> None:
    left, right = OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)
    assert not same_tree(tree(left), tree(right))
    assert same_tree(tree(left), tree(OrderedDict(a=1, b=2)))


class Pair:
    def __init__(self, **state: Any) -> None:
        vars(self).update(state)


def test_attributes_have_no_order_whatever_the_level() -> None:
    left, right = tree(Pair(lo=1, hi={"a": 1, "b": 2})), tree(Pair(hi={"b": 2, "a": 1}, lo=1))
    assert same_tree(left, right, Level(ordered=True))
    inner = tree(OrderedDict(a={"x": 1, "y": 2})), tree(OrderedDict(a={"y": 2, "x": 1}))
    assert same_tree(*inner)


def test_what_is_printed_counts_only_where_the_reference_prints() -> None:
    quiet, loud = returned(1), {**returned(1), "printed": "debug"}
    assert difference(quiet, loud) is None
    assert difference(quiet, loud, Level(printed=True)) == "printed"


def test_reruns_within_the_tolerance_look_the_same_and_others_do_not() -> None:
    assert rounded(tree([0.1 + 0.2, 1])) == rounded(tree([0.3, 1]))
    assert rounded(tree(0.3)) != rounded(tree(0.30001))
    assert rounded(tree({"f": "no float", "c": [0.1 + 0.2]})) == rounded(tree({"f": "no float", "c": [0.3]}))


def test_a_level_in_words_says_what_differs_from_the_usual() -> None:
    assert EXACT.words() == "exact floats, dictionaries in any order"
    assert (
        Level(TOLERANCE, ordered=True, printed=True).words()
        == "floats within 1e-11, dictionaries in order, printed output"
    )
