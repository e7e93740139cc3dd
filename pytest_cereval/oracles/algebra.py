"""Looks for laws that a function keeps: idempotence, order independence, and undoing what its partner does.

A law gives pairs of calls whose outcomes must agree. It is offered only where the reference keeps it on every pair; its
calls then join the inputs, where a candidate must do what the reference does on them, and with that keep the law too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.inside.observation import canonical, digest
from pytest_cereval.oracles.render import is_plain
from pytest_cereval.oracles.space import Entry, Tree, parameters_of
from pytest_cereval.source.functions import SourceFunction

MIN_PAIRS = 3
MAX_PAIRS = 6
_RECEIVERS = ("self", "cls", "mcs")
_PARTNERS = (
    ("encode", "decode"),
    ("dumps", "loads"),
    ("dump", "load"),
    ("serialize", "deserialize"),
    ("pack", "unpack"),
    ("quote", "unquote"),
    ("escape", "unescape"),
    ("compress", "decompress"),
    ("encrypt", "decrypt"),
    ("format", "parse"),
    ("to", "from"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a call was made with and what came of it."""

    entry: Entry
    arguments: Tree
    observation: dict[str, Any]

    @property
    def outcome(self) -> str:
        """The digest that other calls' outcomes are compared with."""
        return outcome_of(self.observation["kind"], self.observation["value"])


@dataclass(frozen=True, slots=True)
class Pair:
    """A further call, and the digest of the outcome that the law wants."""

    entry: Entry
    wanted: str


@dataclass(frozen=True, slots=True)
class Law:
    """A law by its name, with the pairs on which it is tried."""

    name: str
    pairs: tuple[Pair, ...]


def outcome_of(kind: str, value: Tree) -> str:
    """As `outcome` of what the reference process tells of an input."""
    return digest([kind, value[:2] if kind == "raised" else value])


def laws(function: SourceFunction, seen: Sequence[Seen], partner: Sequence[Seen]) -> Iterator[Law]:
    """The laws that the function's calls, and those of its partner, allow to try."""
    returned = [item for item in seen if item.observation["kind"] == "returned"]
    for name, step in _plain_parameters(function):
        for law, pairs in (
            ("idempotent", [_again(item, name, step) for item in returned]),
            (f"the order of {name} does not matter", [_reversed(item, name, step) for item in returned]),
        ):
            yield from _law(law, pairs)
    parameters = _plain_parameters(function)
    if len(parameters) == 1 and seen:
        yield from _law("undoes its partner", [_undone(seen[0], item, parameters[0]) for item in partner])


def partner_of(function: SourceFunction, functions: Sequence[SourceFunction]) -> SourceFunction | None:
    """The function beside it whose work it undoes, going by the name: `decode` undoes `encode`, and the other way."""
    names = {_partner_name(function.bare_name, one, other) for pair in _PARTNERS for one, other in (pair, pair[::-1])}
    beside = [
        item
        for item in functions
        if item.path == function.path and item.parents == function.parents and item.bare_name in names - {""}
    ]
    alone = len(_plain_parameters(function)) == 1
    return beside[0] if len(beside) == 1 and alone and len(_plain_parameters(beside[0])) == 1 else None


def _partner_name(name: str, one: str, other: str) -> str:
    """The name with the word `one` in it replaced; empty if it has no such word."""
    changed, count = re.subn(rf"(?<![a-z0-9]){one}(?![a-z0-9])", other, name)
    return changed if count == 1 else ""


def _plain_parameters(function: SourceFunction) -> list[tuple[str, list[Any]]]:
    """Named parameters but for the receiver, with the step of a path that leads to each."""
    return [(name, found.step) for name, found in parameters_of(function).items() if name not in _RECEIVERS]


def _law(name: str, pairs: Sequence[Pair | None]) -> Iterator[Law]:
    found = {canonical(pair.entry["edit"]): pair for pair in pairs if pair is not None}
    if len(found) >= MIN_PAIRS:
        yield Law(name, tuple(found.values())[:MAX_PAIRS])


def _changed(entry: Entry, step: list[Any], tree: Tree) -> Entry:
    return {"base": entry, "edit": [[step], "tree", tree], "donor": None, "generated": True}


def _argument(arguments: Tree, name: str) -> Tree:
    return next((value for key, value in arguments[1:] if key == name), None)


def _again(item: Seen, name: str, step: list[Any]) -> Pair | None:
    """The call with its own result for an argument: the result should come out once more."""
    before, result = _argument(item.arguments, name), item.observation["value"]
    same_kind = type(before) is type(result) and (type(before) is not list or before[:1] == result[:1])
    if before is None or not same_kind or not is_plain(result) or not is_plain(before) or type(result) is bool:
        return None
    return Pair(_changed(item.entry, step, result), item.outcome)


def _reversed(item: Seen, name: str, step: list[Any]) -> Pair | None:
    """The call with the items of an argument the other way round: the result should be the same."""
    before = _argument(item.arguments, name)
    if type(before) is not list or before[:1] not in (["l"], ["t"]) or not is_plain(before):
        return None
    after = [before[0], *reversed(before[1:])]
    return Pair(_changed(item.entry, step, after), item.outcome) if after != before else None


def _undone(base: Seen, item: Seen, parameter: tuple[str, list[Any]]) -> Pair | None:
    """A call with the partner's result: the partner's argument should come out."""
    values = [value for key, value in item.arguments[1:] if key not in _RECEIVERS]
    result = item.observation["value"]
    if item.observation["kind"] != "returned" or len(values) != 1 or not is_plain(values[0]) or not is_plain(result):
        return None
    return Pair(_changed(base.entry, parameter[1], result), outcome_of("returned", values[0]))
