"""Decides whether two observations are the same behaviour; the one home of that decision.

Pure functions of JSON trees (see `observation`), used by the judge on what candidates did and inside the
qualification worker on what mutants did. The rules:

- builtin types are exact: `True` is not `1`, `1` is not `1.0`, a tuple is not a list;
- dictionaries and sets are free of order, `OrderedDict` and every other class compare by class, contents and state;
- floats are equal within `RELATIVE` or `ABSOLUTE`, NaN equals NaN, so that a different order of summation is no error;
- exceptions are equal by class; their text is recorded but not compared, because no question states it;
- the arguments, `self` included, must look the same after the call;
- what could not be shown (`?`, `…`) equals only the same mark of the same class.
"""

from __future__ import annotations

import math
from typing import Any

from .observation import Tree, canonical

RELATIVE = 1e-9
ABSOLUTE = 1e-12
_UNORDERED = {"S", "F"}


def same_observation(expected: dict[str, Any], observed: dict[str, Any]) -> bool:
    """Whether kind, value and arguments afterwards agree."""
    return difference(expected, observed) is None


def comparable(observation: dict[str, Any]) -> list[Tree]:
    """The part of an observation that equality looks at, for digests of exact repetition."""
    value = observation["value"][:2] if observation["kind"] == "raised" else observation["value"]
    return [observation["kind"], value, observation["after"]]


def difference(expected: dict[str, Any], observed: dict[str, Any]) -> str | None:
    """The first aspect that differs: `kind`, `value` or `after`; None if nothing does."""
    if expected["kind"] != observed["kind"]:
        return "kind"
    if expected["kind"] == "raised":
        if expected["value"][1] != observed["value"][1]:
            return "value"
    elif not same_tree(expected["value"], observed["value"]):
        return "value"
    return None if same_tree(expected["after"], observed["after"]) else "after"


def same_tree(left: Tree, right: Tree) -> bool:
    """Whether two trees show the same value."""
    if type(left) is not type(right):
        return False
    if type(left) is not list:
        return bool(left == right)
    if len(left) != len(right) or not left or left[0] != right[0]:
        return False
    if left[0] == "f":
        return _same_float(left[1], right[1])
    if left[0] == "c":
        return all(_same_float(a, b) for a, b in zip(left[1:], right[1:], strict=True))
    if left[0] == "d":
        return _same_pairs(left[1:], right[1:])
    if left[0] in _UNORDERED:
        return _same_members(left[1:], right[1:])
    return all(same_tree(a, b) for a, b in zip(left[1:], right[1:], strict=True))


def _same_float(left: str, right: str) -> bool:
    if left == right:
        return True
    try:
        a, b = float.fromhex(left), float.fromhex(right)
    except (ValueError, OverflowError, TypeError):
        return False
    return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _same_pairs(left: list[Tree], right: list[Tree]) -> bool:
    wanted = {canonical(pair[0]): pair[1] for pair in left}
    given = {canonical(pair[0]): pair[1] for pair in right if type(pair) is list and len(pair) == 2}
    if wanted.keys() != given.keys():
        return False
    return all(same_tree(value, given[key]) for key, value in wanted.items())


def _same_members(left: list[Tree], right: list[Tree]) -> bool:
    a, b = sorted(left, key=canonical), sorted(right, key=canonical)
    return all(same_tree(x, y) for x, y in zip(a, b, strict=True))
