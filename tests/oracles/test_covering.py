"""A small set that does what all do: never missing anything, and the greedy choice where it is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.oracles.covering import smallest_cover

GROUPS = st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=12)


@given(GROUPS)
def test_every_group_that_can_be_met_is_met(groups: list[set[str]]) -> None:
    chosen = smallest_cover(groups)
    assert all(chosen & group for group in groups if group)


@given(GROUPS)
def test_nothing_is_chosen_that_is_in_no_group(groups: list[set[str]]) -> None:
    assert smallest_cover(groups) <= set().union(*groups)


def test_one_member_that_is_everywhere_is_enough() -> None:
    assert smallest_cover([{"b", "c"}, {"a", "c"}, {"c"}]) == {"c"}


def test_ties_are_broken_by_name() -> None:
    assert smallest_cover([{"b", "a"}]) == {"a"}
