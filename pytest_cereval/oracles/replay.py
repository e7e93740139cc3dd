"""Turns recorded calls into inputs: those that the reference answers the same way every time.

Every input is run in `REPLAYS` fresh processes under different hash seeds and in different orders. A call that cannot
be rebuilt, whose result cannot be shown, that only one of two recordings holds, or that ever differs, is left out.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.observation import digest
from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.certificate import Input, behaviour
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import Reason

REPLAYS = 10
_CHUNK = 10
_TIMEOUT_S = 30.0


@dataclass(slots=True)
class Candidates:
    """The usable inputs of one function; `problem` is set when none is left."""

    function: SourceFunction
    inputs: list[Input] = field(default_factory=list)
    dropped: Counter[Reason] = field(default_factory=Counter)
    problem: tuple[Reason, str] | None = None
    files: frozenset[str] = frozenset()


def first_look(
    bench: Bench, function: SourceFunction, calls: Sequence[bytes], again: Sequence[bytes]
) -> Candidates:
    """The first replay: what the calls are, what the reference does on them, and which ones were recorded twice."""
    found = Candidates(function)
    entries = [{"call": base64.b64encode(call).decode()} for call in calls]
    failed = bench.load(function, entries)
    if failed:
        found.problem = (Reason.UNREACHABLE, failed)
        return found
    replies = _full_replies(bench, function, len(entries))
    found.files = frozenset(file for reply in replies for file in reply.get("files", ()))
    twice = _recorded_twice(bench, function, calls, again)
    unbuilt = ""
    seen: set[str] = set()
    for call, entry, reply in zip(calls, entries, replies, strict=True):
        if "unbuilt" in reply:
            unbuilt = reply["unbuilt"]
            found.dropped[Reason.UNBUILT] += 1
        elif not reply["observation"]["whole"]:
            found.dropped[Reason.UNOBSERVABLE] += 1
        elif call not in twice and digest(reply["before"]) not in twice:
            found.dropped[Reason.UNREPRODUCIBLE] += 1
        elif (item := Input.observed(entry, reply)).digest not in seen:
            seen.add(item.digest)
            found.inputs.append(item)
    if not found.inputs:
        reason = found.dropped.most_common(1)[0][0] if found.dropped else Reason.NOT_CALLED
        found.problem = (reason, unbuilt if reason is Reason.UNBUILT else "")
    return found


def _full_replies(bench: Bench, function: SourceFunction, count: int) -> list[dict[str, Any]]:
    replies: list[dict[str, Any]] = []
    for start in range(0, count, _CHUNK):
        order = list(range(start, min(start + _CHUNK, count)))
        reply = bench.ask("replay", key=function.name, order=order, full=True, timeout_s=_TIMEOUT_S)
        chunk = reply.get("replies") or [{"unbuilt": str(reply)[:300]}] * len(order)
        chunk[0] = {**chunk[0], "files": reply.get("files", [])}
        replies += chunk
    bench.ask("forget", key=function.name)
    return replies


def _recorded_twice(
    bench: Bench, function: SourceFunction, calls: Sequence[bytes], again: Sequence[bytes]
) -> set[bytes | str]:
    """Pickles, and digests of argument trees, that the second recording holds as well."""
    found: set[bytes | str] = set(again)
    if all(call in found for call in calls) or not again:
        return found
    if bench.load(function, [{"call": base64.b64encode(call).decode()} for call in again]) is None:
        replies = _full_replies(bench, function, len(again))
        found |= {digest(reply["before"]) for reply in replies if "before" in reply}
    return found


def differing(
    bench: Bench, function: SourceFunction, inputs: Sequence[Input], order: Sequence[int]
) -> set[str]:
    """Digests of the inputs that this bench, going through them in `order`, answers otherwise than noted in them."""
    failed = bench.load(function, [item.entry for item in inputs])
    if failed:
        raise SandboxError(f"{function.name} could be imported once and not again: {failed}")
    reply = bench.ask("replay", key=function.name, order=list(order), full=False, timeout_s=_TIMEOUT_S)
    bench.ask("forget", key=function.name)
    replies = reply.get("replies") or [{}] * len(order)
    given = {index: entry.get("digest") for index, entry in zip(order, replies, strict=True)}
    return {item.digest for index, item in enumerate(inputs) if given[index] != behaviour(item)}
