"""Turns an input into Python that a person can paste into a session in which the repository can be imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.render import ELLIPSIS, is_plain, render
from pytest_cereval.source.functions import SourceFunction

MAX_CHARACTERS = 30_000
"""Enough for objects with some state; their pickles are what makes it long."""
_UNPACK = "{name} = cloudpickle.loads(base64.b64decode({text!r}))"
_CALL = '(*call["positional"], *call["star"], **call["keyword"], **call["double_star"])'
_SLOTS = {"p": 'call["positional"]', "k": 'call["keyword"]'}
_WHOLE = {"*": 'call["star"]', "**": 'call["double_star"]'}


def pasteable(function: SourceFunction, item: Input) -> str:
    """The call as a few lines of Python; empty where that would be too long, or the call cannot be written down."""
    text = _literal(function, item.arguments) if item.arguments_shown else None
    if text is None:
        try:
            text = "\n".join(_unpickled(function, item.entry))
        except ValueError:
            return ""
    return text if len(text) <= MAX_CHARACTERS else ""


def _literal(function: SourceFunction, arguments: Any) -> str | None:
    """A call with literals; None where an argument is no plain data or the function is not simply imported."""
    pairs = arguments[1:] if type(arguments) is list else []
    if function.parents or function.role or not all(is_plain(value) for _, value in pairs):
        return None
    parts = []
    # What stands before free positional arguments must be given by position, what stands behind by name.
    by_position = any(name == "*" for name, _ in pairs)
    for name, value in pairs:
        if name == "*":
            by_position = False
            parts += [_text(one) for one in value[1:]]
        elif name == "**":
            parts += [f"{key}={_text(one)}" for key, one in value[1:]]
        else:
            parts.append(_text(value) if by_position else f"{name}={_text(value)}")
    text = f"from {function.module} import {function.bare_name}\n\n{function.bare_name}({', '.join(parts)})"
    return None if ELLIPSIS in text else text


def _text(tree: Any) -> str:
    return render(tree, limit=MAX_CHARACTERS)


def _unpickled(function: SourceFunction, entry: dict[str, Any]) -> Iterator[str]:
    """The recorded call unpickled, its edits as statements, and the call of the function."""
    top = function.parents[0] if function.parents else function.bare_name
    yield "import base64, cloudpickle"
    yield f"from {function.module} import {top}"
    yield from _rebuilt(entry, "call")
    if function.role in ("getter", "") and "property" in function.decorators:
        yield f'call["positional"][0].{function.bare_name}'
    elif function.role:
        yield f"{function.qualname}.f{function.role[:3]}{_CALL}"
    else:
        yield f"{function.qualname}{_CALL}"


def _rebuilt(entry: dict[str, Any], name: str) -> Iterator[str]:
    if "edit" in entry:
        yield from _rebuilt(entry["base"], name)
        if entry["donor"] is not None:
            yield from _rebuilt(entry["donor"], "donor")
        yield _statement(entry["edit"], name)
        return
    if "borrow" in entry:
        raise ValueError("a borrowed receiver")
    yield _UNPACK.format(name=name, text=entry["call"])


def _statement(edit: list[Any], name: str) -> str:
    """One edit as a statement; raises `ValueError` for one inside a tuple, which cannot be assigned to."""
    path, operator, operand = edit
    place = _expression(path, name)
    if operator == "value":
        return f"{place} = {operand!r}"
    if operator == "tree":
        return f"{place} = {_text(operand)}"
    if operator == "from":
        return f"{place} = {_expression(operand, 'donor')}"
    if operator == "omit":
        return _omitted(path[0], name)
    simple = {
        "clear": f"{place}.clear()",
        "repeat": f"{place}.insert(0, {place}[0])",
        "drop": f"{place}.pop({operand!r} if isinstance({place}, list) else list({place})[{operand!r}])",
        "add": f"getattr({place}, 'extend', None) and {place}.extend({operand!r}) or {place}.update({operand!r})",
        "set": f"{place}[{operand[0]!r}] = {operand[1]!r}" if operator == "set" else "",
    }
    return simple[operator]


def _omitted(step: list[Any], name: str) -> str:
    tag, key = step
    if tag == "k":
        return f'del {name}["keyword"][{key!r}]'
    behind = f'zip({name}["names"][{key + 1}:], {name}["positional"][{key + 1}:])'
    return f'{name}["keyword"].update({behind}); {name}["positional"] = {name}["positional"][:{key}]'


def _expression(path: list[list[Any]], name: str) -> str:
    tag, *keys = path[0]
    slot = {**_SLOTS, **_WHOLE}[tag].replace("call", name)
    text = f"{slot}[{keys[0]!r}]" if keys else slot
    for tag, key in path[1:]:
        if tag == "a":
            text = f"{text}.{key}" if str(key).isidentifier() else f"vars({text})[{key!r}]"
        elif tag == "d":
            text = f"{text}[list({text})[{key!r}]]"
        else:
            text = f"{text}[{key!r}]"
    return text
