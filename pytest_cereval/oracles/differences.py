"""Turns a reply to one hidden input into a difference from the reference, and differences into words for a
report.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.inside.equality import Level, difference
from pytest_cereval.inside.observation import canonical
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.render import first_difference, render, render_call, render_observation
from pytest_cereval.oracles.replies import ProtocolError, Reply, safe
from pytest_cereval.results.verdict import Verdict

_VERBS = {"after": "leaves its arguments as", "arguments": "cannot be called:", "printed": "prints"}
_LONGEST_CALL = 10_000
_UNSHOWN = "a value that cannot be shown"


@dataclass(frozen=True, slots=True)
class Difference:
    """One input on which the candidate does something else; `aspect` is kind, value, after, printed or arguments."""

    index: int
    verdict: Verdict
    aspect: str
    reply: Reply


def compare(index: int, expected: dict[str, Any], reply: Reply, level: Level) -> Difference | None:
    """The difference between what the reference did on an input and a reply; None if there is none.

    Raises `ProtocolError` for a reply that equality cannot look at.
    """
    if reply.kind == "unbuilt":
        return Difference(index, Verdict.FAIL_EXCEPTION, "arguments", reply)
    if reply.observation is None:
        return Difference(index, Verdict.FAIL_UNREPRESENTABLE, "value", reply)
    # Quicker to see than that both mean the same.
    if reply.observation is expected or canonical(reply.observation) == canonical(expected):
        return None
    try:
        aspect = difference(expected, reply.observation, level)
    except (RecursionError, ValueError, TypeError, LookupError) as error:
        raise ProtocolError(f"a value that cannot be compared: {type(error).__name__}") from None
    if aspect is None:
        return None
    return Difference(index, _verdict(aspect, expected, reply.observation), aspect, reply)


def _verdict(aspect: str, expected: dict[str, Any], observed: dict[str, Any]) -> Verdict:
    if aspect in ("kind", "value") and observed["kind"] == "raised":
        return _verdict_of_exception(observed["value"])
    if aspect == "value" and expected["whole"] and not observed["whole"]:
        return Verdict.FAIL_UNREPRESENTABLE
    return Verdict.FAIL_WRONG


def _verdict_of_exception(raised: list[Any]) -> Verdict:
    """What ran out, where an exception tells it; the texts are those of CPython's `_thread` module."""
    _, name, arguments = raised
    first = arguments[1] if type(arguments) is list and len(arguments) > 1 else None
    if name == "builtins:MemoryError":
        return Verdict.FAIL_MEMORY
    no_thread = name == "builtins:RuntimeError" and type(first) is str and first.startswith("can't start new thread")
    no_process = name in ("builtins:BlockingIOError", "builtins:OSError") and first == errno.EAGAIN
    return Verdict.FAIL_PROCESSES if no_thread or no_process else Verdict.FAIL_EXCEPTION


def smallest(name: str, hidden: Sequence[Input], differences: Sequence[Difference]) -> Difference:
    """The difference whose call is the shortest to read."""
    return min(differences, key=lambda found: (call_size(name, hidden[found.index]), found.index))


def call_size(name: str, item: Input) -> int:
    """Characters of an input's call as people read it."""
    return len(render_call(name, item.arguments, limit=_LONGEST_CALL))


def shown(name: str, item: Input, found: Difference) -> dict[str, str]:
    """A difference as texts: the call, what is expected, what was observed, which aspect, and where they
    part.
    """
    observed = found.reply.observation
    part = found.aspect if found.aspect in ("after", "printed") else "value"
    expected_part: Any = item.observation[part]
    observed_part: Any = observed[part] if observed else None
    where = ""
    if observed and found.aspect != "kind":
        where = _where(expected_part, observed_part)
    if observed is None:
        seen = found.reply.note
    elif part != "value":
        seen = _text(lambda: render(observed_part))
    else:
        seen = _text(lambda: render_observation(observed))
    wanted = render(expected_part) if part != "value" else render_observation(item.observation)
    return {
        "call": safe(render_call(name, item.arguments)),
        "expected": safe(wanted),
        "observed": seen,
        "aspect": found.aspect,
        "where": where,
    }


def sentence(texts: dict[str, str]) -> str:
    """One line for people."""
    verb = _VERBS.get(texts["aspect"], "gives")
    at = f" (at {texts['where']})" if texts["where"] else ""
    line = f"{texts['call']} {verb} {texts['observed']} instead of {texts['expected']}{at}"
    return " ".join(line.split())


def _where(expected: Any, observed: Any) -> str:
    def describe() -> str:
        path, left, right = first_difference(expected, observed)
        return f"{path}: {render(left, limit=80)} ≠ {render(right, limit=80)}" if path else ""

    return _text(describe)


def _text(make: Any) -> str:
    """Text made of an untrusted tree, which may have any shape below its outermost one."""
    try:
        return safe(make())
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError, MemoryError):
        return _UNSHOWN
