"""Turns trees of plain data back into values: the inverse of `observation` where there is one. Needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from .observation import Tree


def decode(tree: Tree) -> Any:
    """The value that a tree shows; raises `ValueError` for one that holds more than plain data."""
    if type(tree) is not list:
        return tree
    maker = _MAKERS.get(tree[0]) if tree else None
    if maker is None:
        raise ValueError(f"no plain data: {str(tree)[:80]}")
    try:
        return maker(tree[1:])
    except (TypeError, LookupError) as error:
        raise ValueError(f"no plain data: {str(tree)[:80]}") from error


def _integer(rest: list[Any]) -> int:
    (text,) = rest
    return int(text, 16)


def _members(rest: list[Any]) -> list[Any]:
    return [decode(item) for item in rest]


_MAKERS: dict[Any, Callable[[list[Any]], Any]] = {
    "i": _integer,
    "f": lambda rest: float.fromhex(rest[0]),
    "c": lambda rest: complex(float.fromhex(rest[0]), float.fromhex(rest[1])),
    "b": lambda rest: base64.b64decode(rest[0], validate=True),
    "B": lambda rest: bytearray(base64.b64decode(rest[0], validate=True)),
    "l": _members,
    "t": lambda rest: tuple(_members(rest)),
    "S": lambda rest: set(_members(rest)),
    "F": lambda rest: frozenset(_members(rest)),
    "d": lambda rest: {decode(key): decode(value) for key, value in rest},
}
