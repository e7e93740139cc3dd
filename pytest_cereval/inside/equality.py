"""Decides whether two observations are the same behaviour; the one home of that decision.

Pure functions of JSON trees (see `observation`), used by the judge on what candidates did and inside the
qualification worker on what mutants did. The rules:

- builtin types are exact: `True` is not `1`, `1` is not `1.0`, a tuple is not a list;
- sets are free of order, dictionaries too unless the level says that callers depend on it, `OrderedDict` never is;
  every other class compares by class, contents and state;
- floats are equal if they are the same number, or within the level's tolerance; NaN equals NaN;
- exceptions are equal by class; their text is recorded but not compared, because no question states it;
- the arguments, `self` included, must look the same after the call, but for private state that no other code reads,
  which is not looked at in the first place (`observation.View`);
- what is printed counts only where the level says that the reference prints;
- what could not be shown (`?`, `…`) equals only the same mark of the same class.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from .observation import Tree, canonical

TOLERANCE = 1e-11
"""Relative, for functions whose own reruns differ by less: above the rounding of sums, below the ticking of a clock."""
_DIGITS = 12
_ABSOLUTE_PER_RELATIVE = 1e-3
_UNORDERED = {"S", "F"}


@dataclass(frozen=True)
class Level:
    """What of the rules depends on the function.

    floats: relative tolerance, 0 for exact. ordered: the order of dictionaries counts. printed: output counts.
    """

    floats: float = 0.0
    ordered: bool = False
    printed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self)

    def words(self) -> str:
        """For people."""
        floats = f"floats within {self.floats:g}" if self.floats else "exact floats"
        order = "dictionaries in order" if self.ordered else "dictionaries in any order"
        return f"{floats}, {order}" + (", printed output" if self.printed else "")


EXACT = Level()


def same_observation(expected: dict[str, Any], observed: dict[str, Any], level: Level = EXACT) -> bool:
    """Whether kind, value, arguments afterwards and, if it counts, output agree."""
    return difference(expected, observed, level) is None


def comparable(observation: dict[str, Any]) -> list[Tree]:
    """The part of an observation that equality may look at, for digests of exact repetition."""
    value = observation["value"][:2] if observation["kind"] == "raised" else observation["value"]
    return [observation["kind"], value, observation["after"], observation["printed"]]


def restored(comparable_tree: list[Tree]) -> dict[str, Any]:
    """An observation of which `comparable` makes the same again."""
    return dict(zip(("kind", "value", "after", "printed"), comparable_tree, strict=True))


def rough(observation: dict[str, Any]) -> list[Tree]:
    """As `comparable`, with floats cut to twelve digits, so that reruns within the tolerance look the same."""
    kind, value, after, printed = comparable(observation)
    return [kind, rounded(value), rounded(after), printed]


def texts(observation: dict[str, Any]) -> tuple[str, str]:
    """The canonical forms of `comparable` and of `rough`."""
    text = canonical(comparable(observation))
    if '["f",' not in text and '["c",' not in text:  # the usual case, and much faster to find out than to walk
        return text, text
    return text, canonical(rough(observation))


def rounded(tree: Tree) -> Tree:
    """The tree with floats cut to twelve digits."""
    if type(tree) is not list or not tree:
        return tree
    if tree[0] in ("f", "c"):
        return [tree[0], *(f"{float.fromhex(part):.{_DIGITS}g}" for part in tree[1:])]
    if tree[0] == "d":
        return ["d", *([rounded(part) for part in pair] for pair in tree[1:])]
    return [tree[0], *map(rounded, tree[1:])]


def difference(expected: dict[str, Any], observed: dict[str, Any], level: Level = EXACT) -> str | None:
    """The first aspect that differs: `kind`, `value`, `after` or `printed`; None if nothing does."""
    if expected["kind"] != observed["kind"]:
        return "kind"
    if expected["kind"] == "raised":
        if expected["value"][1] != observed["value"][1]:
            return "value"
    elif not same_tree(expected["value"], observed["value"], level):
        return "value"
    if not same_tree(expected["after"], observed["after"], replace(level, ordered=False)):
        return "after"
    return "printed" if level.printed and expected["printed"] != observed["printed"] else None


def same_tree(left: Tree, right: Tree, level: Level = EXACT) -> bool:
    """Whether two trees show the same value."""
    if type(left) is not type(right):
        return False
    if type(left) is not list:
        return bool(left == right)
    if len(left) != len(right) or not left or left[0] != right[0]:
        return False
    if left[0] in ("f", "c"):
        return all(_same_float(a, b, level.floats) for a, b in zip(left[1:], right[1:], strict=True))
    if left[0] == "d":
        return _same_pairs(left[1:], right[1:], level)
    if left[0] == "o" and len(left) == 4 and left[1] == right[1]:
        return _same_object(left, right, level)
    if left[0] in _UNORDERED:
        return _same_members(left[1:], right[1:], level)
    return all(same_tree(a, b, level) for a, b in zip(left[1:], right[1:], strict=True))


def _same_object(left: Tree, right: Tree, level: Level) -> bool:
    """Attributes have no order; what the object holds as a dictionary has one if its class or the level says so."""
    ordered = left[1] == "collections:OrderedDict"
    if ordered and type(left[2]) is list and type(right[2]) is list:
        keys = [[canonical(pair[0]) for pair in side[2][1:] if type(pair) is list and pair] for side in (left, right)]
        if keys[0] != keys[1]:
            return False
    return same_tree(left[2], right[2], level) and same_tree(left[3], right[3], replace(level, ordered=False))


def _same_float(left: str, right: str, tolerance: float) -> bool:
    if left == right:
        return True
    try:
        a, b = float.fromhex(left), float.fromhex(right)
    except (ValueError, OverflowError, TypeError):
        return False
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * _ABSOLUTE_PER_RELATIVE)


def _same_pairs(left: list[Tree], right: list[Tree], level: Level) -> bool:
    wanted = {canonical(pair[0]): pair[1] for pair in left}
    given = {canonical(pair[0]): pair[1] for pair in right if type(pair) is list and len(pair) == 2}
    if wanted.keys() != given.keys() or (level.ordered and list(wanted) != list(given)):
        return False
    return all(same_tree(value, given[key], level) for key, value in wanted.items())


def _same_members(left: list[Tree], right: list[Tree], level: Level) -> bool:
    a, b = sorted(left, key=canonical), sorted(right, key=canonical)
    return all(same_tree(x, y, level) for x, y in zip(a, b, strict=True))
