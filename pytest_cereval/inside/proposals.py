"""Proposes edits of recorded calls (see `edits`): the same ones every time, spread over places, operators and calls.

Half of them go to places that the function's own code names, a quarter to those that the functions it calls name, the
rest further away. Values are small steps from what stands there, texts from the function's code, and what other
recorded calls have at places of the same name.
"""

from __future__ import annotations

import hashlib
import itertools
import types
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .edits import Edit, Path

MAX_DEPTH = 4
MAX_PLACES = 80
MAX_CALLS = 24
MAX_DONORS = 3
_MUTABLE = (list, dict, set)
_PLAIN = (bool, int, float, str, list, dict, tuple, set, type(None))
_RECEIVER = ["p", 0]
_SHARES = (0.5, 0.5, 1.0)
Proposal = tuple[int, Edit, int | None]
_Groups = dict[tuple[int, str, str], list[tuple[str, Proposal]]]


@dataclass(frozen=True, slots=True)
class _Place:
    """One part of a call's arguments; places of one `label` hold the same kind of thing in different calls."""

    call: int
    path: Path
    label: str
    value: Any


@dataclass(slots=True)
class _Names:
    """What the function's code mentions: `near` by itself, `far` by the functions it calls; `texts` are constants."""

    near: set[str] = field(default_factory=set)
    far: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)


def propose(
    calls: list[dict[str, Any]], bases: int, lent: list[dict[str, Any]], function: types.FunctionType, limit: int
) -> list[Proposal]:
    """At most `limit` edits of the first `bases` of the calls as (call, edit, donor call).

    The other calls are donors only. `lent` calls are those of other methods of the same class: of them, only the
    receivers are donors, numbered -1, -2, ….
    """
    names = _names_of(function, calls)
    places = [place for number, call in enumerate(calls) for place in _places(number, call)]
    receivers = [
        place for number, call in enumerate(lent) for place in _places(-1 - number, call) if place.path[0] == _RECEIVER
    ]
    donors: dict[str, list[_Place]] = {}
    for pair in itertools.zip_longest(places, receivers):
        for donor in filter(None, pair):
            donors.setdefault(donor.label, []).append(donor)
    tiers: list[_Groups] = [{}, {}, {}]
    for place in (place for place in places if place.call < bases):
        tier = tiers[_distance(place.path, names)]
        omission = [("omit", None, None)] if _has_default(function, place) else []
        for operator, operand, donor_call in [*omission, *_edits_of(place, names.texts, donors[place.label])]:
            proposal = (place.call, [place.path, operator, operand], donor_call)
            rank = hashlib.sha256(repr(proposal).encode()).hexdigest()
            turn = operator if operand != names.texts else f"{operator} all"
            tier.setdefault((len(place.path), _signature(place.path), turn), []).append((rank, proposal))
    return _chosen(tiers, limit)


def _has_default(function: types.FunctionType, place: _Place) -> bool:
    """Whether the place is an argument that a call may leave out."""
    if len(place.path) > 1 or place.path[0][0] not in "pk":
        return False
    tag, key = place.path[0]
    code = function.__code__
    if tag == "k":
        return key in (function.__kwdefaults__ or {})
    first = code.co_argcount - len(function.__defaults__ or ())
    return bool(first <= key < code.co_argcount and key >= code.co_posonlyargcount)


def _chosen(tiers: list[_Groups], limit: int) -> list[Proposal]:
    """Each tier its share of what is left, then the nearest tiers again for what the others did not use."""
    queues = [_in_turn(tier) for tier in tiers]
    chosen: list[Proposal] = []
    for queue, share in zip(queues, _SHARES, strict=True):
        count = int((limit - len(chosen)) * share)
        chosen += queue[:count]
        del queue[:count]
    for queue in queues:
        chosen += queue[: limit - len(chosen)]
    return chosen


def _in_turn(groups: _Groups) -> list[Proposal]:
    """One edit of each place and operator, the nearest places first, then the next of each."""
    queues = [sorted(group) for _, group in sorted(groups.items())]
    longest = max(map(len, queues), default=0)
    return [queue[turn][1] for turn in range(longest) for queue in queues if turn < len(queue)]


def _edits_of(place: _Place, pool: list[str], others: list[_Place]) -> Iterator[tuple[str, Any, int | None]]:
    for operator, operand in _changes(place.value, pool):
        yield operator, operand, None
    seen = [place.value]
    start = 7 * place.call % len(others)  # so that calls do not all get the same donors
    for other in [*others[start:], *others[:start]]:
        if len(seen) > MAX_DONORS:
            return
        if _is_new(other.value, seen) or (other.call < 0 and other.path == place.path == [_RECEIVER]):
            seen.append(other.value)
            yield "from", other.path, other.call


def _is_new(value: Any, seen: list[Any]) -> bool:
    """Whether a plain value differs from all seen ones, or another one is of a class not seen yet."""
    if not isinstance(value, _PLAIN):
        return all(type(value) is not type(other) for other in seen)
    try:
        return all(type(value) is not type(other) or bool(value != other) for other in seen)
    except Exception:  # noqa: BLE001 - comparing what a container holds may raise anything
        return False


def _names_of(function: types.FunctionType, calls: list[dict[str, Any]]) -> _Names:
    names = _Names()
    texts: set[str] = set()
    for code in codes_in(function.__code__):
        names.near.update(code.co_names)
        constants = [item for const in code.co_consts for item in (const if type(const) is tuple else (const,))]
        texts.update(text for text in constants if type(text) is str and 0 < len(text) <= 40)
    names.texts = sorted(text for text in texts if text != function.__doc__ and "<locals>" not in text)[:24]
    receivers = {type(call["positional"][0]) for call in calls if call["positional"]}
    for name in names.near:
        for callee in (function.__globals__.get(name), *(_attribute(kind, name) for kind in receivers)):
            for code in _codes_behind(callee):
                names.far.update(code.co_names)
    return names


def codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those of comprehensions, lambdas and functions inside it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes_in(const)


def _attribute(kind: type, name: str) -> Any:
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)


def _codes_behind(callee: Any) -> Iterator[types.CodeType]:
    if isinstance(callee, property):
        callee = callee.fget
    elif isinstance(callee, (classmethod, staticmethod)):
        callee = callee.__func__
    if isinstance(callee, types.FunctionType):
        yield from codes_in(callee.__code__)


def _distance(path: Path, names: _Names) -> int:
    """0 for arguments and attributes that the function's code names, 1 for those its callees name, 2 for others."""
    distance = 0
    for name in (key for tag, *keys in path if tag == "a" for key in keys):
        known = {name, name.lstrip("_")}
        distance = max(distance, 0 if known & names.near else 1 if known & names.far else 2)
    return min(2, distance + (len(path) > 3))


def _signature(path: Path) -> str:
    """A path without positions, so that many entries of one container do not crowd out its neighbours."""
    return "/".join(tag + (str(keys[0]) if tag in "apk" else "") for tag, *keys in path)


def _places(number: int, call: dict[str, Any]) -> Iterator[_Place]:
    """Places in a call's arguments, nearest first, at most `MAX_PLACES`; each object is entered once."""
    names = [*call["names"], *[""] * len(call["positional"])]
    queue = deque(_Place(number, [["p", index]], names[index], item) for index, item in enumerate(call["positional"]))
    queue.extend(_Place(number, [["k", name]], name, item) for name, item in call["keyword"].items())
    if call["star"]:
        queue.append(_Place(number, [["*"]], "*", list(call["star"])))
    if call["double_star"]:
        queue.append(_Place(number, [["**"]], "**", call["double_star"]))
    seen: set[int] = set()
    given = 0
    while queue and given < MAX_PLACES:
        place = queue.popleft()
        given += 1
        yield place
        if len(place.path) <= MAX_DEPTH and id(place.value) not in seen:
            seen.add(id(place.value))
            steps = _inner(place.value, place.label)
            queue.extend(_Place(number, [*place.path, step], label, item) for step, label, item in steps)


def _inner(value: Any, label: str) -> Iterator[tuple[list[Any], str, Any]]:
    kind = type(value)
    if kind is list or kind is tuple:
        yield from ((["i", index], f"{label}[]", item) for index, item in enumerate(value[:4]))
    elif kind is dict:
        for index, (key, item) in enumerate(list(value.items())[:8]):
            yield ["d", index], key if type(key) is str else f"{label}[]", item
    elif not isinstance(value, (type, types.ModuleType, types.FunctionType, BaseException)):
        attributes = getattr(value, "__dict__", None)
        if type(attributes) is dict:
            for name, item in list(attributes.items())[:32]:
                if type(name) is str:
                    yield ["a", name], name.lstrip("_"), item


def _changes(value: Any, pool: list[str]) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    if kind is bool:
        yield "value", not value
    elif kind is int:
        yield from (("value", other) for other in dict.fromkeys((value + 1, value - 1, 0)) if other != value)
    elif kind is float:
        steps = dict.fromkeys((value + 1.0, -value, 0.0))
        yield from (("value", other) for other in steps if other != value and abs(other) < float("inf"))
    elif kind is str:
        yield from (("value", other) for other in dict.fromkeys(("", f"{value}x", *pool)) if other != value)
    elif kind in _MUTABLE:
        yield from _changes_of_container(value, kind, pool)


def _changes_of_container(value: Any, kind: type, pool: list[str]) -> Iterator[tuple[str, Any]]:
    if value:
        yield "clear", None
        if kind is not set:
            yield "drop", 0
            yield "drop", len(value) - 1
        if kind is list:
            yield "repeat", None
    if kind is not dict and pool and all(type(item) is str for item in value):
        yield "add", pool
        if len(pool) > 1:
            yield from (("add", [text]) for text in pool if text not in value)
    if kind is dict and all(type(key) is str for key in value):
        yield from (("set", [key, new]) for key in pool for new in (True, False) if value.get(key) is not new)
