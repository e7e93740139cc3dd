"""Turns the recorded calls of a function into the ways by which an attacker's text can get into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.oracles.certificate import Input

_RECEIVERS = ("self", "cls", "mcs")
_TEXT, _NONE = "text", "none"
_SCALARS = {"i": "number", "f": "number", "b": "bytes", "s": _TEXT}
_ITEMS = frozenset({"l", "t", "S", "F"})


@dataclass(frozen=True, slots=True)
class Carrier:
    """One parameter and how text comes out of it.

    `expression` is Python that makes the text inside the function, `argument` Python that makes the argument from a
    text called `payload`. `simple` says that the expression is the parameter itself.
    """

    parameter: str
    expression: str
    argument: str
    simple: bool = False


def carriers(inputs: Sequence[Input]) -> tuple[Carrier, ...]:
    """The best first: texts, then collections of texts, then what can be written as a text."""
    kinds: dict[str, set[str]] = {}
    for item in inputs:
        for pair in item.arguments[1:] if type(item.arguments) is list else ():
            if type(pair) is list and len(pair) == 2 and _is_parameter(pair[0]):
                kinds.setdefault(pair[0], set()).update(_kinds(pair[1]))
    found = [(rank, name, carrier) for name, seen in kinds.items() for rank, carrier in _of(name, seen)]
    return tuple(carrier for _, _, carrier in sorted(found, key=lambda entry: entry[:2]))


def _is_parameter(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier() and name not in _RECEIVERS


def _of(name: str, seen: set[str]) -> list[tuple[int, Carrier]]:
    direct, payload = {"text"}, "payload"
    if seen <= direct:
        return [(0, Carrier(name, name, payload, simple=True))]
    if seen <= {"keys", _NONE}:
        source = name if _NONE not in seen else f"{name} or ()"
        return [(1, Carrier(name, f'", ".join(str(key) for key in {source})', "{payload: {}}"))]
    if seen <= {"items", _NONE}:
        source = name if _NONE not in seen else f"{name} or ()"
        return [(2, Carrier(name, f'", ".join(str(item) for item in {source})', "[payload]"))]
    if seen & {"object"} and not seen & {"text"}:
        return []
    return [(1 if "text" in seen else 3, Carrier(name, f"str({name})", payload))]


def _kinds(tree: Any) -> set[str]:
    """What a parameter was in one call, coarsely."""
    if type(tree) is str:
        return {_TEXT}
    if type(tree) is not list:
        return {_NONE if tree is None else "number"}
    tag = tree[0]
    if tag == "d":
        return {"keys"}
    if tag in _ITEMS:
        return {"items"}
    return {_SCALARS.get(tag, "object")}
