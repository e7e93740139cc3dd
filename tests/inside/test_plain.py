"""Plain values survive the way into a tree and back; everything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.inside.observation import Encoder
from pytest_cereval.inside.plain import decode

HASHABLE = st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=20) | st.floats(allow_nan=False)
PLAIN = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_a_plain_value_comes_back_as_it_was(value: Any) -> None:
    tree = Encoder().encode(value)
    again = decode(tree)
    assert type(again) is type(value)
    assert Encoder().encode(again) == tree


@pytest.mark.parametrize("value", [object(), print, [object()], {"a": ValueError()}, int])
def test_a_value_with_more_than_data_in_it_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="no plain data"):
        decode(Encoder().encode(value))


@pytest.mark.parametrize("tree", [[], ["f"], ["d", [1]], ["S", ["l"]], ["x", 1], ["b", "not base64!"]])
def test_a_broken_tree_is_refused(tree: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts of several libraries
        decode(tree)
