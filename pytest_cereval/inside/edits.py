"""Makes new inputs out of recorded calls: small, type-preserving edits, kept as data so that any worker can apply them.

An edit is `[path, operator, operand]`. A path leads from the call to one part of its arguments: the first step names
a parameter (`["p", i]` positional, `["k", name]` keyword, `["*", i]`, `["**", name]`), later ones an attribute
(`["a", name]`), a list or tuple position (`["i", n]`) or the n-th entry of a dictionary (`["d", n]`). Operators:
`value` puts a plain JSON value, `drop` removes entry `operand`, `clear` empties, `repeat` doubles the first entry of a list,
`add` appends texts to a list of texts, `set` gives a dictionary of texts an entry, and `from` puts what another
recorded call (the donor) has at the same place.
"""

from __future__ import annotations

import hashlib
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

MAX_DEPTH = 4
MAX_PLACES = 80
MAX_DONORS = 3
_MUTABLE = (list, dict, set)
Edit = list[Any]


def apply(call: dict[str, Any], edit: Edit, donor: dict[str, Any] | None) -> None:
    """Change a rebuilt call in place; raises `LookupError` or `TypeError` where the path leads nowhere."""
    path, operator, operand = edit
    if operator == "from":
        if donor is None:
            raise LookupError("an edit without its donor")
        replacement = _follow(donor, path)
        change: Callable[[Any], Any] = lambda _: replacement  # noqa: E731
    else:
        change = lambda value: _OPERATORS[operator](value, operand)  # noqa: E731
    _change_at(_slot(call, path[0]), _key(path[0]), path[1:], change)


def propose(calls: list[dict[str, Any]], function: types.FunctionType, limit: int) -> list[tuple[int, Edit, int | None]]:
    """At most `limit` edits as (call, edit, donor call), the same every time.

    Places that the function's own code names come first, and operators and calls take turns.
    """
    names = set(function.__code__.co_names)
    pool = _string_pool(function)
    groups: dict[tuple[int, str], list[tuple[int, str, tuple[int, Edit, int | None]]]] = {}
    for number, call in enumerate(calls):
        for path, value in _places(call):
            distance = _distance(path, names)
            for operator, operand in _changes(value, pool):
                entry = (number, [path, operator, operand], None)
                ranked = (distance, _rank(number, path, operator, operand), entry)
                groups.setdefault((distance, operator), []).append(ranked)
            for donor in _donors(calls, number, path, value):
                swap = (number, [path, "from", None], donor)
                groups.setdefault((distance, "from"), []).append((distance, _rank(number, path, donor), swap))
    chosen: list[tuple[int, Edit, int | None]] = []
    for near in sorted({distance for distance, _ in groups}):
        queues = [sorted(group, key=lambda ranked: ranked[1]) for (d, _), group in sorted(groups.items()) if d == near]
        for turn in range(max(map(len, queues))):
            chosen += [queue[turn][2] for queue in queues if turn < len(queue)]
        if len(chosen) >= limit:
            break
    return chosen[:limit]


def _distance(path: list[Any], names: set[str]) -> int:
    """How far a place is from what the function's code touches: 0 for arguments and attributes that it names."""
    attributes = [key for tag, key in path if tag == "a"]
    unnamed = sum(name not in names and name.lstrip("_") not in names for name in attributes)
    return 2 * unnamed + max(0, len(path) - len(attributes) - 2)


def _rank(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _string_pool(function: types.FunctionType) -> list[str]:
    """Short texts of the function's own code, those inside constant tuples included."""
    constants = [item for const in function.__code__.co_consts for item in (const if type(const) is tuple else (const,))]
    found = {constant for constant in constants if type(constant) is str and 0 < len(constant) <= 40}
    return sorted(found - {function.__doc__})[:24]


def _places(call: dict[str, Any]) -> Iterator[tuple[list[Any], Any]]:
    """Places in a call's arguments, nearest first, at most `MAX_PLACES`; each object once."""
    queue: deque[tuple[list[Any], Any]] = deque()
    queue.extend(([["p", index]], value) for index, value in enumerate(call["positional"]))
    queue.extend(([["k", name]], value) for name, value in call["keyword"].items())
    queue.extend(([["*", index]], value) for index, value in enumerate(call["star"]))
    queue.extend(([["**", name]], value) for name, value in call["double_star"].items())
    seen: set[int] = set()
    given = 0
    while queue and given < MAX_PLACES:
        path, value = queue.popleft()
        given += 1
        yield path, value
        if len(path) <= MAX_DEPTH and id(value) not in seen:
            seen.add(id(value))
            queue.extend(([*path, step], inner) for step, inner in _inner(value))


def _inner(value: Any) -> Iterator[tuple[list[Any], Any]]:
    kind = type(value)
    if kind is list or kind is tuple:
        yield from ((["i", index], item) for index, item in enumerate(value[:4]))
    elif kind is dict:
        yield from ((["d", index], item) for index, item in enumerate(list(value.values())[:8]))
    elif not isinstance(value, (type, types.ModuleType, types.FunctionType, BaseException)):
        attributes = getattr(value, "__dict__", None)
        if type(attributes) is dict:
            yield from ((["a", name], item) for name, item in list(attributes.items())[:32] if type(name) is str)


def _changes(value: Any, pool: list[str]) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    if kind is bool:
        yield "value", not value
    elif kind is int:
        yield from (("value", other) for other in dict.fromkeys((value + 1, value - 1, 0)) if other != value)
    elif kind is float:
        yield from (("value", other) for other in dict.fromkeys((value + 1.0, -value, 0.0)) if other != value)
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
    if kind is list and pool and all(type(item) is str for item in value):
        yield "add", pool
    if kind is dict and all(type(key) is str for key in value):
        yield from (("set", [key, new]) for key in pool for new in (True, False) if value.get(key) is not new)


def _donors(calls: list[dict[str, Any]], number: int, path: list[Any], value: Any) -> Iterator[int]:
    """Other calls that have something else at the same place, of the same or a plain type."""
    found = 0
    if len(path) > 3:
        return
    for other, call in enumerate(calls):
        if other == number or found == MAX_DONORS:
            continue
        try:
            theirs = _follow(call, path)
        except (LookupError, TypeError, AttributeError):
            continue
        if type(theirs) is not type(value) or (_is_plain(value) and theirs != value):
            found += 1
            yield other


def _is_plain(value: Any) -> bool:
    return type(value) in (bool, int, float, str, list, dict, tuple, set)


def _slot(call: dict[str, Any], step: list[Any]) -> Any:
    if step[0] == "*":
        call["star"] = list(call["star"])
    return call[{"p": "positional", "k": "keyword", "*": "star", "**": "double_star"}[step[0]]]


def _key(step: list[Any]) -> Any:
    return step[1]


def _follow(call: dict[str, Any], path: list[Any]) -> Any:
    value = _slot(call, path[0])[_key(path[0])]
    for step in path[1:]:
        value = _get(value, step)
    return value


def _get(value: Any, step: list[Any]) -> Any:
    tag, key = step
    if tag == "a":
        return vars(value)[key]
    if tag == "d":
        return list(value.values())[key]
    return value[key]


def _change_at(holder: Any, key: Any, rest: list[Any], change: Callable[[Any], Any]) -> None:
    holder[key] = _changed(holder[key], rest, change)


def _changed(value: Any, path: list[Any], change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(value)
    (tag, key), rest = path[0], path[1:]
    if tag == "a":
        _change_at(vars(value), key, rest, change)
    elif tag == "d":
        _change_at(value, list(value)[key], rest, change)
    elif type(value) is tuple:
        return (*value[:key], _changed(value[key], rest, change), *value[key + 1 :])
    else:
        _change_at(value, key, rest, change)
    return value


def _drop(value: Any, position: int) -> Any:
    if type(value) is dict:
        value.pop(list(value)[position])
    else:
        del value[position]
    return value


def _clear(value: Any, _: Any) -> Any:
    value.clear()
    return value


def _repeat(value: Any, _: Any) -> Any:
    value.insert(0, value[0])
    return value


def _add(value: Any, texts: list[str]) -> Any:
    value.extend(texts)
    return value


def _set(value: Any, entry: list[Any]) -> Any:
    value[entry[0]] = entry[1]
    return value


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "value": lambda _, operand: operand,
    "drop": _drop,
    "clear": _clear,
    "repeat": _repeat,
    "add": _add,
    "set": _set,
}
