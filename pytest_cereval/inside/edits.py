"""Changes recorded calls by small, type-preserving edits, kept as data so that any worker can apply them.

An edit is `[path, operator, operand]`. A path leads from the call to one part of its arguments: the first step names
a parameter (`["p", i]` positional, `["k", name]` keyword, `["*"]` and `["**"]` the free ones as a whole), later ones
an attribute (`["a", name]`), a position (`["i", n]`) or the n-th entry of a dictionary (`["d", n]`). Operators:
`value` puts a plain JSON value, `tree` the plain value that a tree shows, `drop` removes entry `operand`, `clear`
empties, `repeat` doubles the first entry of a list, `omit` leaves an argument to its default, `add` appends texts to
a list or set of texts, `set` gives a dictionary of texts an entry, and `from` puts what the donor, a recorded call of
the same function, has at the path `operand`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .plain import decode

Edit = list[Any]
Path = list[Any]


def apply(call: dict[str, Any], edit: Edit, donor: dict[str, Any] | None) -> None:
    """Change a rebuilt call in place; raises `LookupError` or `TypeError` where the path leads nowhere."""
    path, operator, operand = edit
    if operator == "omit":
        _omit(call, path[0])
        return
    if operator == "from":
        if donor is None:
            raise LookupError("an edit without its donor")
        replacement = follow(donor, operand)
        change: Callable[[Any], Any] = lambda _: replacement  # noqa: E731
    else:
        change = lambda value: _OPERATORS[operator](value, operand)  # noqa: E731
    holder, key = _slot(call, path[0])
    _change_at(holder, key, path[1:], change)


def _omit(call: dict[str, Any], step: list[Any]) -> None:
    """Call without this argument; positional ones behind it go by name."""
    tag, key = step
    if tag == "k":
        del call["keyword"][key]
        return
    names = call["names"]
    behind = call["positional"][key + 1 :]
    call["keyword"] = {**dict(zip(names[key + 1 :], behind, strict=True)), **call["keyword"]}
    call["positional"] = call["positional"][:key]


def follow(call: dict[str, Any], path: Path) -> Any:
    """What a call has at the end of a path; raises `LookupError`, `TypeError` or `AttributeError` if nothing."""
    holder, key = _slot(call, path[0])
    value = holder[key]
    for step in path[1:]:
        value = _get(value, step)
    return value


def _slot(call: dict[str, Any], step: list[Any]) -> tuple[Any, Any]:
    if step[0] == "*":
        call["star"] = list(call["star"])
        return call, "star"
    if step[0] == "**":
        return call, "double_star"
    return call[{"p": "positional", "k": "keyword"}[step[0]]], step[1]


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
    if type(value) is set:
        value.update(texts)
    else:
        value.extend(texts)
    return value


def _set(value: Any, entry: list[Any]) -> Any:
    value[entry[0]] = entry[1]
    return value


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "value": lambda _, operand: operand,
    "tree": lambda _, operand: decode(operand),
    "drop": _drop,
    "clear": _clear,
    "repeat": _repeat,
    "add": _add,
    "set": _set,
}
