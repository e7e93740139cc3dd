"""Turns recorded calls into inputs: those that the reference answers the same way every time.

Every input is run in `REPLAYS` fresh processes under different hash seeds and in different orders. A call that
cannot be rebuilt, whose result cannot be shown, that only one of two recordings holds, or that ever differs, is left
out.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.certificate import Glimpse, Input
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import Reason

REPLAYS = 10
_CHUNK = 8
_CPU_S = 30.0
Entry = dict[str, Any]


@dataclass(slots=True)
class Candidates:
    """The usable inputs of one function; `problem` is set when none is left."""

    function: SourceFunction
    inputs: list[Glimpse] = field(default_factory=list)
    dropped: Counter[Reason] = field(default_factory=Counter)
    problem: tuple[Reason, str] | None = None
    files: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset()


def first_look(bench: Bench, function: SourceFunction, entries: Sequence[Entry], again: Sequence[Entry]) -> Candidates:
    """The first replay: what the calls do, and which ones the second recording holds as well."""
    found = Candidates(function)
    others = [entry for entry in again if entry not in entries]
    failed = bench.load(function, entries)
    if failed:
        found.problem = (Reason.UNREACHABLE, failed)
        return found
    reply = bench.ask("glance", key=function.name, count=len(entries), cpu_s=_CPU_S)
    found.files = tuple(reply.get("files", ()))
    found.packages = frozenset(reply.get("shared", ()))
    known: set[str] = set()
    if any(entry not in again for entry in entries):
        told = bench.ask("arguments", key=function.name, entries=others, cpu_s=_CPU_S)
        known = {key for key in told.get("arguments", ()) if key is not None}
    unbuilt = ""
    seen: set[str] = set()
    for entry, told in zip(entries, reply["replies"], strict=True):
        reason = _unusable(told, entry in again or told.get("before") in known)
        if reason is not None:
            found.dropped[reason] += 1
            unbuilt = unbuilt or told.get("unbuilt", "")
        elif told["key"] not in seen:
            seen.add(told["key"])
            found.inputs.append(Glimpse.told(entry, told))
    if not found.inputs:
        reason = found.dropped.most_common(1)[0][0] if found.dropped else Reason.NOT_CALLED
        found.problem = (reason, unbuilt if reason is Reason.UNBUILT else "")
    return found


def _unusable(told: dict[str, Any], twice: bool) -> Reason | None:
    if "unbuilt" in told:
        return Reason.UNBUILT
    if "whole" not in told:
        return Reason.CRASHED
    if not told["whole"]:
        return Reason.UNOBSERVABLE
    return None if twice else Reason.UNREPRODUCIBLE


def shuffled(function: SourceFunction, count: int, seed: int) -> list[int]:
    """The numbers below `count` in an order that depends on the function's name and the seed alone."""
    order = list(range(count))
    random.Random(f"{function.name}:{seed}").shuffle(order)  # noqa: S311 - an order, not a secret
    return order


@dataclass(frozen=True, slots=True)
class Repetition:
    """What one more replay showed: digests of inputs it answers otherwise, and whether floats differ in late digits."""

    lost: frozenset[str]
    rough: bool = False

    @classmethod
    def of(cls, inputs: Sequence[Glimpse], replies: dict[int, dict[str, Any]]) -> Repetition:
        """From the replies by the number of the input."""
        pairs = [(item, replies.get(number, {})) for number, item in enumerate(inputs)]
        lost = frozenset(item.digest for item, told in pairs if told.get("rough") != item.rough)
        exact = all(told.get("behaviour") == item.behaviour for item, told in pairs if item.digest not in lost)
        return cls(lost, rough=not exact)


def differing(bench: Bench, function: SourceFunction, inputs: Sequence[Glimpse], seed: int) -> Repetition:
    """What this bench, going through the inputs in an order of its own, answers otherwise."""
    _load_again(bench, function, inputs)
    order = shuffled(function, len(inputs), seed)
    reply = bench.ask("replay", key=function.name, order=order, full=False, cpu_s=_CPU_S)
    return Repetition.of(inputs, dict(zip(order, reply.get("replies", ()), strict=False)))


def fetched(bench: Bench, function: SourceFunction, inputs: Sequence[Glimpse], seed: int) -> dict[str, Input]:
    """One more replay that brings the trees: the inputs that are what they were, by digest."""
    _load_again(bench, function, inputs)
    order = shuffled(function, len(inputs), seed)
    found = {}
    for start in range(0, len(order), _CHUNK):
        part = order[start : start + _CHUNK]
        reply = bench.ask("replay", key=function.name, order=part, full=True, cpu_s=_CPU_S)
        for number, told in zip(part, reply.get("replies") or [{}] * len(part), strict=True):
            if "observation" in told:
                item = Input.observed(inputs[number].entry, told)
                found[item.digest] = item
    return {item.digest: found[item.digest] for item in inputs if item.digest in found}


def _load_again(bench: Bench, function: SourceFunction, inputs: Sequence[Glimpse]) -> None:
    failed = bench.load(function, [item.entry for item in inputs])
    if failed:
        raise SandboxError(f"{function.name} could be imported once and not again: {failed}")
