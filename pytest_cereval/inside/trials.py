"""Holds variants of a function's body against what the reference does on its inputs. Standard library only."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Callable
from typing import Any

from .bodies import check_fits, compiled_function, same_code, set_defaults
from .calls import describe, observe
from .equality import Level, comparable, difference, restored
from .forks import OutOfTime, in_fork, time_limit
from .observation import canonical, digest_of_text
from .proposals import codes_in
from .reached import lines_of
from .subject import Reply, Request, Subject, UnbuiltError, built, text_of
from .worker import failure

BRANCH_HOOK = "__cereval_branch__"
_MORE = 6
CALL_CPU_S = 3.0
"""What one call may take, as the judge allows it."""


def expect(subject: Subject, request: Request) -> Reply:
    """Remember what every input is, what the reference does on it and which lines it goes through; `cpu_s` is how
    long it took.

    `plain` is the function itself in the form of a variant: a mutant that is the same as it is no mutant at all.
    `shapes` are trees of arguments by the input's number, of as many inputs as the question says under that name: those
    with the shortest. `unbuilt` instead where an input that could be rebuilt before cannot be behind the others.
    """

    trees: list[tuple[str, Any]] = []

    def work() -> Reply:
        started = os.times()
        try:
            traced = [_traced(subject, entry, trees) for entry in subject.entries]
        except UnbuiltError as error:
            return {"unbuilt": str(error)}
        ended = os.times()
        cpu_s = ended.user + ended.system - started.user - started.system
        shortest = sorted(range(len(trees)), key=lambda number: (len(trees[number][0]), trees[number][0]))
        shapes = [[number, trees[number][1]] for number in shortest[: request.get("shapes", 0)]]
        return {"traced": traced, "cpu_s": cpu_s, "shapes": shapes}

    subject.level = Level(**request["level"])
    subject.plain = compiled_function(request["plain"], request["qualname"])
    reply = in_fork(work, request["cpu_s"])
    for before, text, lines in reply.pop("traced", []):
        subject.before.append(before)
        subject.expected.append(text)
        subject.lines.append(frozenset(lines))
    subject.order = list(range(len(subject.expected)))
    return reply


def _traced(subject: Subject, entry: dict[str, Any], trees: list[tuple[str, Any]]) -> tuple[str, str, list[int]]:
    """What is remembered of an input; the tree of its arguments joins the `trees`, behind its text."""
    with lines_of(subject.function) as lines:
        call = built(entry)
        lines.pause()
        tree = describe(call, subject.view)[0]
        text = canonical(tree)
        trees.append((text, tree))
        observation = observe(lines.call, call, subject.view)
    return digest_of_text(text), canonical(comparable(observation)), sorted(lines.reached)


def keep(subject: Subject, request: Request) -> Reply:
    """Go on with the inputs of the given numbers alone, in that order."""
    numbers: list[int] = request["numbers"]
    subject.entries = [subject.entries[number] for number in numbers]
    subject.before = [subject.before[number] for number in numbers]
    subject.expected = [subject.expected[number] for number in numbers]
    subject.lines = [subject.lines[number] for number in numbers]
    subject.order = list(range(len(numbers)))
    return {}


def try_variant(subject: Subject, request: Request) -> Reply:
    """Run the inputs with another body: `differs` are the numbers of inputs that tell it apart, some of them.

    Once one is found, only a few more are tried, so that a small set that tells all variants apart can be chosen.
    An input that cannot be rebuilt with that body tells it apart as well: the function takes part in making it.
    With `all` every input is run. With `span` only inputs that reach a line between its two are run. `defaults`
    replaces those of parameters.
    """
    try:
        code = compiled_function(request["source"], request["qualname"])
        check_fits(subject.function, code)
    except (SyntaxError, ValueError) as error:
        return {"unbuildable": failure(error)}
    defaults = dict(request.get("defaults", ()))
    if not defaults and any(same_code(code, own) for own in (subject.plain, subject.function.__code__) if own):
        return {"equivalent": "same bytecode"}
    numbers = [number for number in subject.order if number >= request["start"]]
    if request.get("span") and _is_traceable(subject.function, request["span"]):
        numbers = [number for number in numbers if reaches(subject.lines[number], request["span"])]

    def work() -> Reply:
        subject.function.__code__ = code
        set_defaults(subject.function, defaults)
        return {"differs": _telling(subject, numbers, len(numbers) if request.get("all") else _MORE)}

    reply = in_fork(work, request["cpu_s"]) if numbers else {"differs": []}
    for number in reply.get("differs", ())[:1]:
        # What told one variant apart is likely to tell the next.
        subject.order.remove(number)
        subject.order.insert(0, number)
    return reply


def _telling(subject: Subject, numbers: list[int], more: int) -> list[int]:
    """Those that tell the variant apart that is in place now: the first, and those among the next `more`."""
    found: list[int] = []
    left = more
    for number in numbers:
        if found and not left:
            break
        left -= bool(found)
        if _tells_apart(subject, number):
            found.append(number)
    return found


def cover(subject: Subject, request: Request) -> Reply:
    """Run all inputs with a body that reports its branches: for each, the outcomes seen as [decision, truth]."""
    code = compiled_function(request["source"], request["qualname"])
    check_fits(subject.function, code)

    def work() -> Reply:
        subject.function.__code__ = code
        rows = []
        for entry in subject.entries:
            branches: set[tuple[int, bool]] = set()
            subject.function.__globals__[BRANCH_HOOK] = branch_hook(branches)
            text_of(subject, entry)
            rows.append(sorted(branches))
        return {"branches": rows}

    return in_fork(work, request["cpu_s"])


def _tells_apart(subject: Subject, number: int) -> bool:
    try:
        with time_limit(CALL_CPU_S):
            text = text_of(subject, subject.entries[number])
    except (UnbuiltError, OutOfTime):
        return True
    return text != subject.expected[number] and _differ(subject.expected[number], text, subject.level)


def reaches(lines: frozenset[int], span: list[int]) -> bool:
    """Whether a line lies between the first and the last of `span`."""
    return any(span[0] <= line <= span[1] for line in lines)


def _is_traceable(function: types.FunctionType, span: list[int]) -> bool:
    """Whether a trace can report a line of the span at all; what the compiler folds away leaves none."""
    lines = {line for code in codes_in(function.__code__) for _, _, line in code.co_lines() if line}
    return reaches(frozenset(lines), span)


def _differ(expected: str, observed: str, level: Level) -> bool:
    return difference(restored(json.loads(expected)), restored(json.loads(observed)), level) is not None


def branch_hook(branches: set[tuple[int, bool]]) -> Callable[[int, Any], Any]:
    """What a reporting body calls with a decision's number and outcome: notes both, and gives the outcome back."""

    def hook(number: int, value: Any) -> Any:
        branches.add((number, bool(value)))
        return value

    return hook
