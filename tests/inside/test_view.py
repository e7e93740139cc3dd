"""Private state counts where other code reads it, and nowhere else."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pytest_cereval.inside.observation import Encoder
from pytest_cereval.inside.view import View


class Box:
    def __init__(self, **state: Any) -> None:
        vars(self).update(state)


class Handler(logging.Handler):
    pass


def names(value: Any, view: View) -> set[str]:
    tree = Encoder(view=view).encode(value)
    return {pair[0] for pair in tree[3][1:]} if tree[3] else set()


def view(*private: str) -> View:
    return View([Box.__module__.partition(".")[0]], private)


def test_private_state_that_nobody_reads_is_not_looked_at() -> None:
    assert names(Box(size=1, _cache=2, _read=3), view("_read")) == {"size", "_read"}


def test_everything_is_looked_at_where_any_code_may_read_any_name() -> None:
    assert names(Box(size=1, _cache=2), View(["tests"], None)) == {"size", "_cache"}


def test_a_candidate_may_keep_a_cache_of_its_own() -> None:
    plain, cached = Box(size=1), Box(size=1, _Box__cache={1: 2})
    assert Encoder(view=view()).encode(plain) == Encoder(view=view()).encode(cached)


def test_an_object_without_public_state_may_have_a_cache_as_well() -> None:
    assert Encoder(view=view()).encode(Box()) == Encoder(view=view()).encode(Box(_cache=1))


def test_what_a_library_keeps_in_private_counts() -> None:
    assert "_name" in names(Handler(), view())


@pytest.mark.parametrize("name", ["size", "__special__", "plain_"])
def test_other_names_always_count(name: str) -> None:
    assert names(Box(**{name: 1}), view()) == {name}
