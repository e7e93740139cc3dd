"""Holds variants of a function's body against what the reference does on its inputs. Standard library only."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Callable
from typing import Any

from .bodies import check_fits, compiled_function, same_code
from .equality import difference
from .forks import in_fork
from .proposals import codes_in
from .reached import lines_of
from .subject import Reply, Request, Subject, UnbuiltError, text_of
from .worker import failure

BRANCH_HOOK = "__cereval_branch__"


def expect(subject: Subject, request: Request) -> Reply:
    """Remember what the reference does on every input and which lines it goes through; `cpu_s` is how long it took.

    `unbuilt` instead where an input that could be rebuilt before can not be rebuilt behind the others.
    """

    def work() -> Reply:
        started = os.times()
        try:
            traced = [_traced(subject.function, entry) for entry in subject.entries]
        except UnbuiltError as error:
            return {"unbuilt": str(error)}
        ended = os.times()
        return {"traced": traced, "cpu_s": ended.user + ended.system - started.user - started.system}

    reply = in_fork(work, request["cpu_s"])
    for text, lines in reply.pop("traced", []):
        subject.expected.append(text)
        subject.lines.append(frozenset(lines))
    subject.order = list(range(len(subject.expected)))
    return reply


def _traced(function: types.FunctionType, entry: dict[str, Any]) -> tuple[str, list[int]]:
    with lines_of(function) as lines:
        text = text_of(function, entry)
    return text, sorted(lines)


def keep(subject: Subject, request: Request) -> Reply:
    """Go on with the inputs of the given numbers alone, in that order."""
    numbers: list[int] = request["numbers"]
    subject.entries = [subject.entries[number] for number in numbers]
    subject.expected = [subject.expected[number] for number in numbers]
    subject.lines = [subject.lines[number] for number in numbers]
    subject.order = list(range(len(numbers)))
    return {}


def try_variant(subject: Subject, request: Request) -> Reply:
    """Run the inputs with another body: `differs` is the number of one that tells it apart, or null.

    An input that cannot be rebuilt with that body tells it apart as well: the function takes part in making it.
    With `span` only inputs that reach a line between its two are run. `branches` lists the outcomes that the branch
    hook saw, as (decision, truth), for variants that carry it.
    """
    try:
        code = compiled_function(request["source"], request["qualname"])
        check_fits(subject.function, code)
    except (SyntaxError, ValueError) as error:
        return {"unbuildable": failure(error)}
    if same_code(code, subject.function.__code__):
        return {"equivalent": "same bytecode"}
    numbers = [number for number in subject.order if number >= request["start"]]
    if request.get("span") and _is_traceable(subject.function, request["span"]):
        numbers = [number for number in numbers if reaches(subject.lines[number], request["span"])]

    def work() -> Reply:
        branches: set[tuple[int, bool]] = set()
        subject.function.__globals__[BRANCH_HOOK] = _branch_hook(branches)
        subject.function.__code__ = code
        for number in numbers:
            if _tells_apart(subject, number):
                return {"differs": number, "branches": sorted(branches)}
        return {"differs": None, "branches": sorted(branches)}

    reply = in_fork(work, request["cpu_s"]) if numbers else {"differs": None, "branches": []}
    if reply.get("differs") is not None:
        # What told one variant apart is likely to tell the next.
        subject.order.remove(reply["differs"])
        subject.order.insert(0, reply["differs"])
    return reply


def _tells_apart(subject: Subject, number: int) -> bool:
    try:
        text = text_of(subject.function, subject.entries[number])
    except UnbuiltError:
        return True
    return text != subject.expected[number] and _differ(subject.expected[number], text)


def reaches(lines: frozenset[int], span: list[int]) -> bool:
    """Whether a line lies between the first and the last of `span`."""
    return any(span[0] <= line <= span[1] for line in lines)


def _is_traceable(function: types.FunctionType, span: list[int]) -> bool:
    """Whether a trace can report a line of the span at all; what the compiler folds away leaves none."""
    lines = {line for code in codes_in(function.__code__) for _, _, line in code.co_lines() if line}
    return reaches(frozenset(lines), span)


def _differ(expected: str, observed: str) -> bool:
    left, right = (
        dict(zip(("kind", "value", "after"), json.loads(text), strict=True)) for text in (expected, observed)
    )
    return difference(left, right) is not None


def _branch_hook(branches: set[tuple[int, bool]]) -> Callable[[int, Any], Any]:
    def hook(number: int, value: Any) -> Any:
        branches.add((number, bool(value)))
        return value

    return hook
