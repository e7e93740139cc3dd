"""Adds edits of a function's inputs on which the reference behaves as on recorded calls. Standard library only."""

from __future__ import annotations

import json
import random
import types
from collections.abc import Sequence
from typing import Any

from .calls import rebuild
from .forks import in_fork, time_limit
from .proposals import MAX_CALLS, propose
from .reached import lines_of
from .subject import Reply, Request, Subject, glimpse, text_of
from .trials import reaches

EDIT_CPU_S = 0.5


def extend(subject: Subject, request: Request) -> Reply:
    """Append edits on which the reference behaves as on recorded calls: returns, or raises a class known to be meant.

    Edited are inputs that reach one of the `spans`, or any where none does. Replies with each edit, the numbers of the
    inputs that it is made of, and what is told of it.
    """
    spans, lent = request["spans"], request["lent"]
    bases = [n for n in subject.order if any(reaches(subject.lines[n], span) for span in spans)]
    lonely = any(not any(reaches(subject.lines[n], span) for n in bases) for span in spans)
    bases = sorted(bases) + (sorted(set(subject.order) - set(bases)) if lonely or not bases else [])
    bases.sort(key=lambda number: number in subject.edited)
    subject.edited.update(bases[:MAX_CALLS])

    def work() -> Reply:
        expected = [json.loads(text) for text in subject.expected]
        known = {seen[1][1] for seen in expected if seen[0] == "raised"}
        seen = set(subject.expected)
        found = []
        calls = [rebuild(subject.entries[number]) for number in bases[:MAX_CALLS]]
        others = [rebuild(entry) for entry in lent]
        for base, edit, donor in propose(calls, others, subject.function, request["limit"]):
            new = {
                "base": bases[base],
                "edit": edit,
                "donor": bases[donor] if donor is not None and donor >= 0 else donor,
            }
            tried = _try_edit(subject.function, edited_entry(subject.entries, lent, new), known, seen)
            if tried is not None:
                found.append({**new, **tried})
        return {"found": found}

    reply = in_fork(work, request["cpu_s"])
    found = _steady(subject, lent, reply.pop("found", []), request["cpu_s"])
    for new in found:
        subject.order.append(len(subject.entries))
        subject.entries.append(edited_entry(subject.entries, lent, new))
        subject.expected.append(new.pop("text"))
        subject.lines.append(frozenset(new.pop("lines")))
    return reply | {"found": found}


def _steady(subject: Subject, lent: list[dict[str, Any]], found: list[Reply], cpu_s: float) -> list[Reply]:
    """Those edits that do the same in another process and the other way round: what earlier calls left has no part."""

    def work() -> Reply:
        entries = [edited_entry(subject.entries, lent, new) for new in reversed(found)]
        return {"texts": [text_of(subject.function, entry) for entry in entries]}

    texts = in_fork(work, cpu_s).get("texts", [])
    return [new for new, text in zip(found, reversed(texts), strict=False) if new["text"] == text]


def edited_entry(entries: Sequence[dict[str, Any]], lent: Sequence[dict[str, Any]], new: Reply) -> dict[str, Any]:
    """The entry of an edit: `base` and `donor` are numbers of entries; -1, -2, … are lent ones, null is no donor."""
    number = new["donor"]
    donor = None if number is None else entries[number] if number >= 0 else lent[-1 - number]
    return {"base": entries[new["base"]], "edit": new["edit"], "donor": donor}


def _try_edit(function: types.FunctionType, entry: dict[str, Any], known: set[str], seen: set[str]) -> Reply | None:
    random.seed(0)
    try:
        with time_limit(EDIT_CPU_S), lines_of(function) as lines:
            told, text = glimpse(rebuild(entry), function)
        kind, value, _ = json.loads(text)
        meant = kind == "returned" or value[1] in known or raises_itself(function, entry)
    except BaseException:  # noqa: BLE001 - an edit that cannot be applied, or that hangs, is no input
        return None
    if not meant or not told["whole"] or text in seen:
        return None
    seen.add(text)
    return {"told": told, "text": text, "lines": sorted(lines)}


def raises_itself(function: types.FunctionType, entry: dict[str, Any]) -> bool:
    """Whether the exception comes from a `raise` that names its class in the function's own code."""
    call = rebuild(entry)
    try:
        function(*call["positional"], *call["star"], **call["keyword"], **call["double_star"])
    except Exception as error:  # noqa: BLE001 - whatever it raises is looked at
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        own = trace is not None and trace.tb_frame.f_code is function.__code__
        return own and type(error).__name__ in function.__code__.co_names
    return False
