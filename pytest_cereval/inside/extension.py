"""Adds edits of a function's inputs on which the reference behaves as on recorded calls. Standard library only."""

from __future__ import annotations

import json
import random
import types
from collections.abc import Sequence
from typing import Any

from .calls import describe, observe, rebuild
from .driving import drained, raised_inside
from .equality import comparable
from .forks import in_fork, time_limit
from .observation import canonical, digest
from .proposals import MAX_CALLS, propose
from .reached import lines_of
from .subject import Reply, Request, Subject, built, glimpse
from .trials import reaches

EDIT_CPU_S = 0.5
_BASES_PER_SPAN = 4


def extend(subject: Subject, request: Request) -> Reply:
    """Append edits on which the reference behaves as on recorded calls: returns, or raises a class known to be meant.

    Edited are inputs that reach one of the `spans`, or any where none does. Replies with each edit and the numbers of
    the inputs that it is made of; `tell` says more of those that turn out to be of use.
    """
    spans, lent = request["spans"], request["lent"]
    bases = _bases(subject, spans)
    others = [number for number in subject.order if number not in bases]
    numbers = [*bases, *sorted(others)][:MAX_CALLS]
    subject.edited.update(bases)

    def work() -> Reply:
        known = _known_classes(subject)
        seen = _present(subject)
        found = []
        calls = [rebuild(subject.entries[number]) for number in numbers]
        lenders = [rebuild(entry) for entry in lent]
        for base, edit, donor in propose(calls, len(bases), lenders, subject.function, request["limit"]):
            new = {
                "base": numbers[base],
                "edit": edit,
                "donor": numbers[donor] if donor is not None and donor >= 0 else donor,
            }
            tried = _try_edit(subject, edited_entry(subject.entries, lent, new), known, seen)
            if tried is not None:
                found.append({**new, **tried})
        return {"found": found}

    reply = in_fork(work, request["cpu_s"])
    found = reply.pop("found", [])
    _take_up(subject, [(edited_entry(subject.entries, lent, new), new) for new in found])
    return reply | {"found": found}


def adopt(subject: Subject, request: Request) -> Reply:
    """Append those of the given `entries` on which the reference behaves as on recorded calls; `found` are their
    places in the list.
    """

    def work() -> Reply:
        known = _known_classes(subject)
        seen = set() if request.get("again") else _present(subject)
        tried = [_try_edit(subject, entry, known, seen) for entry in request["entries"]]
        return {"found": [{**new, "place": place} for place, new in enumerate(tried) if new is not None]}

    reply = in_fork(work, request["cpu_s"])
    found = reply.pop("found", [])
    _take_up(subject, [(request["entries"][new["place"]], new) for new in found])
    return reply | {"found": [new["place"] for new in found]}


def _take_up(subject: Subject, found: Sequence[tuple[dict[str, Any], Reply]]) -> None:
    for entry, new in found:
        subject.order.append(len(subject.entries))
        subject.entries.append(entry)
        subject.before.append(new.pop("before"))
        subject.expected.append(new.pop("text"))
        subject.lines.append(frozenset(new.pop("lines")))


def _present(subject: Subject) -> set[tuple[str, str]]:
    """What the inputs so far are and do, so that none is added twice."""
    return set(zip(subject.before, subject.expected, strict=True))


def _known_classes(subject: Subject) -> set[str]:
    """Exception classes that the reference is known to raise on purpose, at once or half-way through."""
    expected = [json.loads(text) for text in subject.expected]
    return {str(seen[1][1] if seen[0] == "raised" else raised_inside(seen[1])) for seen in expected}


def _bases(subject: Subject, spans: list[list[int]]) -> list[int]:
    """A few inputs that reach each span, those not edited before first; where none does, a few of all."""
    numbers = sorted(subject.order, key=lambda number: (number in subject.edited, number))
    chosen: dict[int, None] = {}
    for span in spans:
        reaching = [number for number in numbers if reaches(subject.lines[number], span)]
        chosen |= dict.fromkeys(reaching[:_BASES_PER_SPAN] or numbers[: 2 * _BASES_PER_SPAN])
    return list(chosen)[:MAX_CALLS]


def tell(subject: Subject, request: Request) -> Reply:
    """What is told at a glance of the inputs of the given numbers."""

    def work() -> Reply:
        calls = (built(subject.entries[number]) for number in request["numbers"])
        return {"told": [glimpse(call, subject.function, subject.view) for call in calls]}

    return in_fork(work, request["cpu_s"])


def edited_entry(entries: Sequence[dict[str, Any]], lent: Sequence[dict[str, Any]], new: Reply) -> dict[str, Any]:
    """The entry of an edit: `base` and `donor` are numbers of entries; -1, -2, … are lent ones, null is no donor."""
    number = new["donor"]
    donor = None if number is None else entries[number] if number >= 0 else lent[-1 - number]
    return {"base": entries[new["base"]], "edit": new["edit"], "donor": donor}


def _try_edit(subject: Subject, entry: dict[str, Any], known: set[str], old: set[tuple[str, str]]) -> Reply | None:
    function = subject.function
    random.seed(0)
    try:
        with time_limit(EDIT_CPU_S), lines_of(function) as lines:
            call = rebuild(entry)
            lines.pause()
            before = digest(describe(call, subject.view)[0])
            observation = observe(lines.call, call, subject.view)
        kind, value, _, _ = seen = comparable(observation)
        text = canonical(seen)
        broken = value[1] if kind == "raised" else raised_inside(value)
        meant = broken is None or broken in known or raises_itself(function, entry)
    except BaseException:  # noqa: BLE001 - an edit that cannot be applied, or that hangs, is no input
        return None
    if not meant or not observation["whole"] or (before, text) in old:
        return None
    old.add((before, text))
    return {"before": before, "text": text, "lines": sorted(lines.reached)}


def raises_itself(function: types.FunctionType, entry: dict[str, Any]) -> bool:
    """Whether the exception comes from a `raise` that names its class in the function's own code."""
    call = rebuild(entry)
    try:
        drained(function(*call["positional"], *call["star"], **call["keyword"], **call["double_star"]))
    except Exception as error:  # noqa: BLE001 - whatever it raises is looked at
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        own = trace is not None and trace.tb_frame.f_code is function.__code__
        return own and type(error).__name__ in function.__code__.co_names
    return False
