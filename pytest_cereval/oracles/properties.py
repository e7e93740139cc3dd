"""Draws calls from a space, and shrinks one on which a candidate fails: the one module that knows Hypothesis.

The property is "candidate ≡ reference". Its examples are drawn when a task is built, from a seed of the task, and kept
with what the reference does; a check replays them, and draws the same ones again to shrink a failure.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.strategies import SearchStrategy

from pytest_cereval.inside.observation import Encoder
from pytest_cereval.oracles.annotations import type_of
from pytest_cereval.oracles.render import is_plain
from pytest_cereval.oracles.space import Base, Change, Place, Tree

EXAMPLES = 24
_OMIT = ("omit", None)
_INTEGERS = (0, 1, -1, 2, 10, 255, 1 << 31)
_TEXTS = ("", " ", "a", "0", "Ab c", "é", "a\nb")
_FLOATS = (0.0, 1.0, -1.5, 0.1, 1e6)
_BACKEND = "cereval"


class _Plain(HypothesisProvider):
    """Draws without a look at the constants of the modules that happen to be loaded in this process."""

    def _maybe_draw_constant(self, *arguments: Any, **keywords: Any) -> None:
        return None


AVAILABLE_PROVIDERS[_BACKEND] = _Plain
# Hypothesis is told everything, so that no profile or environment variable has a say.
_TERMS: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "derandomize": False,
    "verbosity": Verbosity.quiet,
    "suppress_health_check": list(HealthCheck),
    "report_multiple_bugs": False,
    "print_blob": False,
    "stateful_step_count": 1,
}


@functools.lru_cache(maxsize=1)
def _drawing(process: int) -> ThreadPoolExecutor:
    """One thread of this process for all draws: Hypothesis looks through everything in memory once for each thread."""
    return ThreadPoolExecutor(1, "cereval-drawing")


class _Fails(Exception):
    """What a failing example raises, so that Hypothesis shrinks it."""


def draw(bases: Sequence[Base], number: int, *, examples: int = EXAMPLES) -> list[Change]:
    """Different calls of the space, the same ones for the same bases and seed `number`."""
    found: dict[str, Change] = {}

    def keep(change: Change) -> bool:
        if change.edits:
            found.setdefault(repr(change), change)
        return False

    _run(_changes(bases), bases, number, examples, keep, backend=_BACKEND)
    return list(found.values())


def shrink(
    bases: Sequence[Base], number: int, fails: Callable[[Change], bool], *, examples: int = EXAMPLES
) -> list[Change]:
    """Calls on which `fails` is true, starting from what `draw` gives and going on to simpler ones."""
    failing: list[Change] = []

    def note(change: Change) -> bool:
        if fails(change):
            failing.append(change)
            return True
        return False

    for strategy in (_changes(bases), _whole_changes(bases)):
        _run(strategy, bases, number, examples, note, backend="hypothesis")
    return failing


def _run(
    strategy: SearchStrategy[Change],
    bases: Sequence[Base],
    number: int,
    examples: int,
    test: Callable[[Change], bool],
    *,
    backend: str,
) -> None:
    if not any(base.places for base in bases):
        return

    @seed(number)
    @settings(max_examples=examples, phases=(Phase.generate, Phase.shrink), backend=backend, **_TERMS)
    @given(strategy)
    def check(change: Change) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        if test(change):
            raise _Fails

    interrupted = threading.Event()
    drawn = _drawing(os.getpid()).submit(check)
    try:
        wait([drawn])
    except BaseException:
        # What the test talks to is about to be closed, so it must be over by then.
        interrupted.set()
        wait([drawn])
        raise
    with contextlib.suppress(_Fails, Flaky, HypothesisException):
        drawn.result()


def _changes(bases: Sequence[Base]) -> SearchStrategy[Change]:
    """Either all plain arguments anew, or one or two places of a recorded call."""
    return _changed(bases, functools.cache(lambda number: _chosen(bases[number].places)), _Operations())


def _whole_changes(bases: Sequence[Base]) -> SearchStrategy[Change]:
    """All plain arguments anew: what shrinks best, because no part of the recorded call is left to stand."""
    return _changed(bases, functools.cache(lambda number: st.just(_arguments(bases[number].places))), _Operations())


@st.composite
def _changed(
    draw: st.DrawFn,
    bases: Sequence[Base],
    chosen_in: Callable[[int], SearchStrategy[list[Place]]],
    operations: _Operations,
) -> Change:
    number = draw(st.integers(0, len(bases) - 1))
    if not bases[number].places:
        return Change(number, ())
    chosen = draw(chosen_in(number))
    edits = [(place.path, *draw(operations.at(place))) for place in chosen if not _is_inside(place, chosen)]
    # What is left out moves the arguments behind it, so it comes last, the last argument first.
    edits.sort(key=lambda edit: (edit[1] == "omit", -1 if edit[1] != "omit" else -_position(edit[0])))
    return Change(number, tuple(edits))


def _arguments(places: Sequence[Place]) -> list[Place]:
    return [place for place in places if place.is_parameter]


def _chosen(places: Sequence[Place]) -> SearchStrategy[list[Place]]:
    some = st.lists(st.sampled_from(places), min_size=1, max_size=2, unique_by=id)
    arguments = _arguments(places)
    return st.just(arguments) | some if arguments else some


class _Operations:
    """What may be drawn at the places of one space, made once for each: to make a strategy takes longer than a draw."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Place, SearchStrategy[tuple[str, Any]]]] = {}

    def at(self, place: Place) -> SearchStrategy[tuple[str, Any]]:
        """By identity; the place is kept, so that no other can take its number."""
        known = self._known.get(id(place))
        if known is None:
            known = self._known[id(place)] = (place, _operation(place))
        return known[1]


def _is_inside(place: Place, others: Sequence[Place]) -> bool:
    """Whether another of the places holds this one, and would be put in its stead."""
    return any(len(other.path) < len(place.path) and place.path[: len(other.path)] == other.path for other in others)


def _position(path: Any) -> int:
    tag, key = path[0]
    return int(key) if tag == "p" else 0


def _operation(place: Place) -> SearchStrategy[tuple[str, Any]]:
    values = _like(place.tree, place.others)
    if place.annotation and place.is_parameter:
        values = values | _annotated(place.annotation)
    operations: SearchStrategy[tuple[str, Any]] = values.map(lambda tree: ("tree", tree))
    return operations | st.just(_OMIT) if place.optional and place.is_parameter else operations


def _annotated(annotation: str) -> SearchStrategy[Tree]:
    """Trees of values of an annotated type, as far as it is made of builtin ones."""
    wanted = type_of(annotation)
    if wanted is None:
        return st.nothing()
    return st.from_type(wanted).map(lambda value: Encoder().encode(value)).filter(is_plain)


def _like(tree: Tree, others: Sequence[Tree] = ()) -> SearchStrategy[Tree]:
    """Trees of the same type as one: what was seen, small steps from it, and corner values."""
    seen = [other for other in (*others, tree) if type(other) is type(tree)]
    kind = type(tree)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(min(seen) - 2, max(seen) + 2) | st.sampled_from([*seen, *_INTEGERS])
    if kind is str:
        longer = [f"{text}x" for text in seen]
        return st.sampled_from(list(dict.fromkeys([*_TEXTS, *seen, *longer])))
    if kind is list and tree:
        same = [other for other in seen if other[:1] == tree[:1]]
        maker = _LIKE.get(tree[0])
        return maker(tree, same) if maker else st.sampled_from(same)
    return st.just(tree)


def _like_float(tree: Tree, seen: Sequence[Tree]) -> SearchStrategy[Tree]:
    known = [float.fromhex(other[1]) for other in seen]
    steps = [value + step for value in known for step in (0.0, 1.0, -0.5)]
    return st.sampled_from(list(dict.fromkeys([*_FLOATS, *steps]))).map(lambda value: ["f", value.hex()])


def _like_bytes(tree: Tree, seen: Sequence[Tree]) -> SearchStrategy[Tree]:
    short = st.binary(max_size=6).map(lambda value: [tree[0], base64.b64encode(value).decode()])
    return st.sampled_from(list(seen)) | short


def _like_list(tree: Tree, seen: Sequence[Tree]) -> SearchStrategy[Tree]:
    items = [item for other in seen for item in other[1:]]
    if not items:
        return st.just([tree[0]])
    kinds = {str(item[0]) if type(item) is list and item else type(item).__name__: item for item in items}
    longest = max(len(other) for other in seen)
    element = st.one_of([_like(item, items) for item in kinds.values()])
    return st.lists(element, max_size=longest).map(lambda drawn: [tree[0], *drawn])


def _like_set(tree: Tree, seen: Sequence[Tree]) -> SearchStrategy[Tree]:
    return _like_list(tree, seen).map(lambda drawn: [drawn[0], *{repr(item): item for item in drawn[1:]}.values()])


def _like_tuple(tree: Tree, seen: Sequence[Tree]) -> SearchStrategy[Tree]:
    columns = [[other[place] for other in seen if len(other) > place] for place in range(1, len(tree))]
    return st.tuples(*(_like(item, column) for item, column in zip(tree[1:], columns, strict=True))).map(
        lambda drawn: ["t", *drawn]
    )


def _like_dict(tree: Tree, seen: Sequence[Tree]) -> SearchStrategy[Tree]:
    pairs = {repr(key): (key, value) for other in seen for key, value in other[1:]}
    entries = [_pair(key, functools.cache(functools.partial(_like, value))) for key, value in pairs.values()]
    if not entries:
        return st.just(["d"])
    chosen = st.lists(st.one_of(entries), max_size=len(tree), unique_by=lambda pair: repr(pair[0]))
    return chosen.map(lambda drawn: ["d", *drawn])


@st.composite
def _pair(draw: st.DrawFn, key: Tree, value: Callable[[], SearchStrategy[Tree]]) -> Tree:
    """An item of a dictionary; what its value is drawn from is made only for those that are chosen."""
    return [key, draw(value())]


_LIKE: dict[str, Callable[[Tree, Sequence[Tree]], SearchStrategy[Tree]]] = {
    "f": _like_float,
    "b": _like_bytes,
    "B": _like_bytes,
    "l": _like_list,
    "t": _like_tuple,
    "S": _like_set,
    "F": _like_set,
    "d": _like_dict,
}
