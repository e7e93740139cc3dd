"""What a value looks like as a tree, and that looking at it is harmless, bounded and repeatable."""

from __future__ import annotations

import collections
import datetime
import enum
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.inside.equality import same_tree
from pytest_cereval.inside.observation import MAX_NODES, Encoder, canonical, digest

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20)
keys = st.integers() | st.text(max_size=5) | st.booleans()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
    ),
    max_leaves=12,
)


def tree(value: Any) -> Any:
    return Encoder().encode(value)


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1


class Names(list[str]):
    def __iter__(self) -> Any:
        raise RuntimeError("do not look through overrides")


class Colour(enum.Enum):
    RED = 1


class Hostile:
    def __getattribute__(self, name: str) -> Any:
        raise SystemError("not yours to see")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SystemError("nor to keep")

    def __eq__(self, other: object) -> bool:
        raise SystemError("nor to compare")

    __hash__ = object.__hash__


@given(values)
def test_a_tree_survives_json_and_equals_itself(value: Any) -> None:
    shown = tree(value)
    again = json.loads(json.dumps(shown))
    assert same_tree(shown, again)
    assert canonical(shown) == canonical(again)


@given(values, values)
def test_equality_of_trees_is_symmetric(left: Any, right: Any) -> None:
    assert same_tree(tree(left), tree(right)) == same_tree(tree(right), tree(left))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (1, 1),
        ("a", "a"),
        (2**60, ["i", hex(2**60)]),
        (1.0, ["f", "0x1.0000000000000p+0"]),
        (b"ab", ["b", "YWI="]),
        ([1, "a"], ["l", 1, "a"]),
        ((1,), ["t", 1]),
        ({3, 1}, ["S", 1, 3]),
        ({"a": [1]}, ["d", ["a", ["l", 1]]]),
        (int, ["r", "builtins:int"]),
        (len, ["r", "builtins:len"]),
    ],
)
def test_builtin_values_have_their_own_form(value: Any, shown: Any) -> None:
    assert tree(value) == shown


def test_an_object_shows_its_class_and_its_attributes() -> None:
    assert tree(Point(1, 2)) == ["o", f"{__name__}:Point", None, ["d", ["x", 1], ["y", 2]]]


def test_slots_that_are_filled_are_shown() -> None:
    assert tree(Slotted()) == ["o", f"{__name__}:Slotted", None, ["d", ["a", 1]]]


def test_what_a_subclass_of_a_builtin_holds_is_read_past_its_overrides() -> None:
    assert tree(Names(["a"])) == ["o", f"{__name__}:Names", ["l", "a"], None]
    assert tree(collections.OrderedDict(a=1))[2] == ["d", ["a", 1]]


def test_objects_without_python_state_show_what_pickle_would_keep() -> None:
    assert not same_tree(tree(datetime.date(2020, 1, 1)), tree(datetime.date(2020, 1, 2)))
    assert not same_tree(tree(re.compile("a")), tree(re.compile("b")))
    assert same_tree(tree(re.compile("a")), tree(re.compile("a")))


def test_a_cycle_is_a_reference_to_an_enclosing_value() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    assert tree(circle) == ["l", 1, ["^", 1]]
    wider: list[Any] = [1]
    wider.append([wider])
    assert tree(wider) == ["l", 1, ["l", ["^", 2]]]


def test_a_hostile_object_is_opaque_and_does_no_harm() -> None:
    encoder = Encoder()
    assert encoder.encode([Hostile(), 1]) == ["l", ["?", f"{__name__}:Hostile"], 1]
    assert encoder.opaque


def test_addresses_do_not_show() -> None:
    assert "0x7" not in canonical(tree([object(), Point(1, 2), str(object())]))
    assert digest(tree(repr(object()))) == digest(tree(repr(object())))


def test_a_tree_is_bounded_and_says_that_it_was_cut() -> None:
    encoder = Encoder()
    shown = encoder.encode([[0] * 100 for _ in range(200)])
    assert encoder.cut
    assert len(canonical(shown)) < 20 * MAX_NODES


def test_the_cut_falls_on_what_lies_deepest() -> None:
    encoder = Encoder(max_nodes=6)
    assert encoder.encode([[[1, 2, 3], 4], 5, 6]) == ["l", ["l", ["l", ["…"]], 4], 5, 6]


def test_an_endless_generator_is_cut() -> None:
    encoder = Encoder()
    assert encoder.encode(n for n in iter(int, 1))[0] == "g"
    assert encoder.cut


def test_a_lambda_cannot_be_shown() -> None:
    encoder = Encoder()
    encoder.encode(lambda: 1)
    assert encoder.opaque


def test_a_member_of_an_enumeration_equals_itself_alone() -> None:
    assert same_tree(tree(Colour.RED), tree(Colour.RED))
    assert not same_tree(tree(Colour.RED), tree(1))
