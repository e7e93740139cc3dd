"""Turns a recording into the entries of one function: its own calls, or receivers that other calls lend it.

A method that no test calls, and that needs nothing but its receiver, can be called on receivers of other methods of
the same class as they were when the tests entered those. A property's setter gets, as its value, what the property
has in another such call.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.recording import Recording

MAX_BORROWED = 24
MAX_LENT = 16
_MAX_LENT_BYTES = 400_000
_UNFINISHED = {"__new__", "__init__", "__init_subclass__", "__class_getitem__", "__setstate__"}
_NOT_INSTANCE = {"staticmethod", "classmethod"}
Entry = dict[str, Any]
Call = TypeVar("Call", bytes, tuple[bytes, bytes])


Lenders = dict[tuple[str, tuple[str, ...]], list[SourceFunction]]


def lenders_among(functions: Sequence[SourceFunction]) -> Lenders:
    """The functions by module and enclosing names, because only those of one class lend receivers to each other."""
    found: Lenders = {}
    for function in functions:
        found.setdefault((function.module, function.parents), []).append(function)
    return found


def entries_of(
    function: SourceFunction, functions: Sequence[SourceFunction], recording: Recording
) -> tuple[list[Entry], list[Entry]]:
    """The entries of the first and of the second recording."""
    if recording.calls.get(function.name):
        calls, again = recording.calls[function.name], recording.again.get(function.name, ())
        return [_entry(call) for call in calls], [_entry(call) for call in again]
    if not _can_borrow(function):
        return [], []
    lenders = [other.name for other in functions if other.name != function.name and _lends_to(function, other)]
    first, second = (list(_borrowed(function, lenders, calls)) for calls in (recording.calls, recording.again))
    return first, second


def lent_to(
    function: SourceFunction, functions: Sequence[SourceFunction], recording: Recording
) -> list[tuple[Entry, Entry]]:
    """Calls of other methods of the same class, as donors of receivers in other states.

    In pairs: the call in the first and in the second recording.
    """
    if not _has_receiver(function):
        return []
    groups = []
    for other in functions:
        if other.name != function.name and _lends_to(function, other):
            both = zip(recording.calls.get(other.name, ()), recording.again.get(other.name, ()), strict=False)
            groups.append(list(both)[-3:])
    chosen: list[tuple[Entry, Entry]] = []
    size = 0
    # Larger receivers first: they are more likely to be in the middle of something.
    for call, again in sorted(set(_in_turn(groups)), key=lambda pair: (-len(pair[0]), pair)):
        if len(chosen) < MAX_LENT and size + len(call) <= _MAX_LENT_BYTES:
            chosen.append((_entry(call), _entry(again)))
            size += len(call)
    return chosen


def _has_receiver(function: SourceFunction) -> bool:
    return bool(
        function.parents
        and function.parameters
        and function.bare_name not in _UNFINISHED
        and not _NOT_INSTANCE & set(function.decorators)
    )


def _entry(call: bytes) -> Entry:
    return {"call": base64.b64encode(call).decode()}


def _can_borrow(function: SourceFunction) -> bool:
    wanted = 2 if function.role == "setter" else 1
    plain = not any(name.startswith("*") for name in function.parameters)
    return _has_receiver(function) and plain and len(function.parameters) == wanted


def _lends_to(function: SourceFunction, other: SourceFunction) -> bool:
    return (
        other.module == function.module
        and other.parents == function.parents
        and other.bare_name not in _UNFINISHED
        and not _NOT_INSTANCE & set(other.decorators)
        and bool(other.parameters)
    )


def _borrowed(function: SourceFunction, lenders: Sequence[str], calls: dict[str, tuple[bytes, ...]]) -> Iterator[Entry]:
    lent = _in_turn([calls.get(name, ()) for name in lenders])[:MAX_BORROWED]
    names = list(function.parameters)
    for number, call in enumerate(lent):
        borrow: dict[str, Any] = {"names": names}
        if function.role == "setter":
            # Half the way round, so that a receiver seldom gets the value that it has already.
            value_of = lent[(number + len(lent) // 2) % len(lent)]
            borrow |= {"attribute": function.bare_name, "value_of": base64.b64encode(value_of).decode()}
        yield {**_entry(call), "borrow": borrow}


def _in_turn(groups: Sequence[Sequence[Call]]) -> list[Call]:
    """One call of each method, then the next of each, without repetitions."""
    longest = max(map(len, groups), default=0)
    found = [group[turn] for turn in range(longest) for group in groups if turn < len(group)]
    return list(dict.fromkeys(found))
