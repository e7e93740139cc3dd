"""Watches calls of chosen functions while a repository's tests run: a survey first, then a capture.

The survey numbers every call of a function and notes which way it went (the line arcs of its own frame, and a coarse
view of its result), without keeping arguments. From that it picks a few calls of each way, so that rare paths are not
drowned by common ones. The capture runs the same tests again and takes, at entry, the arguments of just those calls
by value. Standard library and cloudpickle only.
"""

from __future__ import annotations

import math
import random
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any

import cloudpickle

_VARARGS, _VARKEYWORDS = 4, 8
_RESUMED = 0x20 | 0x80 | 0x200  # generators, coroutines and asynchronous generators are entered more than once
_SMALL = (bool, int, str, type(None))
_MAX_SHAPES = 40
_MAX_SPREAD = 32
Ways = dict[Any, dict[Any, list[int]]]
Tracer = Callable[[types.FrameType, str, Any], Any]


class Watch:
    """What survey and capture share: which code is of interest, the count of its calls, and when to stop."""

    def __init__(self, targets: list[list[Any]], bounds: dict[str, int]) -> None:
        self.targets = {(file, line): index for index, (file, line) in enumerate(targets)}
        self.bounds = bounds
        self.seen = [0] * len(targets)
        self.cut: set[str] = set()
        self._by_code: dict[types.CodeType, int | None] = {}
        self._stop_at = math.inf

    def start_clock(self, seconds: float) -> None:
        """From now on the time counts: imports and collection, which cannot be done by halves, are over."""
        self._stop_at = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Whether the time is up; then nothing is watched any more."""
        if time.monotonic() > self._stop_at:
            self.cut.add("seconds")
            self.disarm()
        return "seconds" in self.cut

    def arm(self) -> None:
        """Start watching, or start again after a test that set its own tracer; also makes `random` repeatable."""
        random.seed(0)
        threading.settrace(self.trace)
        sys.settrace(self.trace)

    def disarm(self) -> None:
        """Stop watching."""
        sys.settrace(None)
        threading.settrace(None)

    def trace(self, frame: types.FrameType, event: str, argument: Any) -> Tracer | None:
        code = frame.f_code
        try:
            index = self._by_code[code]
        except KeyError:
            index = self.targets.get((code.co_filename, code.co_firstlineno))
            self._by_code[code] = index
        if index is None or (code.co_flags & _RESUMED and frame.f_lineno != code.co_firstlineno):
            return None
        if self.is_over():
            return None
        self.seen[index] += 1
        return self.entered(index, self.seen[index], frame)

    def entered(self, index: int, number: int, frame: types.FrameType) -> Tracer | None:
        raise AssertionError("a watch is a survey or a capture")

    def ignore(self, code: types.CodeType) -> None:
        """Stop counting a function's calls."""
        self._by_code[code] = None


class Survey(Watch):
    """Finds the ways in which each function is gone through; `modules` says under which name it was imported."""

    def __init__(self, targets: list[list[Any]], bounds: dict[str, int]) -> None:
        super().__init__(targets, bounds)
        self.modules: dict[int, str] = {}
        self._ways: list[Ways] = [{} for _ in targets]

    def entered(self, index: int, number: int, frame: types.FrameType) -> Tracer | None:
        self.modules.setdefault(index, frame.f_globals.get("__name__", ""))
        if number > self.bounds["attempts"]:
            self.cut.add("calls surveyed per function")
            self.ignore(frame.f_code)
            return None
        return _Way(self._ways[index], number, _shape(frame)).trace

    def chosen(self) -> list[list[int]]:
        """Numbers of the calls to capture: one of each way in turn, then the next of each, up to the bound.

        Within a way the shapes of arguments take turns as well, so that no kind of receiver or value is drowned.
        """
        limit = self.bounds["per_function"]
        ways = [
            [_in_turn([_spread(numbers) for numbers in shapes.values() if numbers]) for shapes in found.values()]
            for found in self._ways
        ]
        return [sorted(_in_turn(found)[:limit]) for found in ways]


class _Way:
    """The local tracer of one call: gathers its arcs, and files its number under them when it ends.

    What can be resumed seems to end each time it is left; then only the last time counts.
    """

    __slots__ = ("arcs", "filed", "line", "number", "raised", "shape", "ways")

    def __init__(self, ways: Ways, number: int, shape: Any) -> None:
        self.ways = ways
        self.number = number
        self.shape = shape
        self.line = 0
        self.arcs: set[tuple[int, int]] = set()
        self.raised: str | None = None
        self.filed: list[int] = []

    def trace(self, frame: types.FrameType, event: str, argument: Any) -> Tracer:
        if event == "line":
            self.arcs.add((self.line, frame.f_lineno))
            self.line = frame.f_lineno
            self.raised = None
        elif event == "exception":
            self.raised = argument[0].__name__
        elif event == "return":
            shapes = self.ways.setdefault((frozenset(self.arcs), self._outcome(argument)), {})
            if self.number in self.filed[-1:]:
                self.filed.pop()
            if len(shapes) < _MAX_SHAPES or self.shape in shapes:
                self.filed = shapes.setdefault(self.shape, [])
                self.filed.append(self.number)
        return self.trace

    def _outcome(self, returned: Any) -> Any:
        if self.raised is not None and returned is None:
            return self.raised
        kind = type(returned)
        if kind in _SMALL and not (kind is str and len(returned) > 20):
            return kind.__name__, returned
        return kind.__name__, bool(returned) if kind in (list, tuple, dict, set, str) else None


def _shape(frame: types.FrameType) -> Any:
    """A coarse view of a call's arguments: their types, small values, and the names of free keywords."""
    code, values = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    shape: list[Any] = [_coarse(values.get(name)) for name in code.co_varnames[:count]]
    if code.co_flags & _VARARGS:
        shape.append(len(values[code.co_varnames[count]]))
        count += 1
    if code.co_flags & _VARKEYWORDS:
        shape.append(tuple(sorted(values[code.co_varnames[count]])))
    return tuple(shape)


def _coarse(value: Any) -> Any:
    kind = type(value)
    if kind in (bool, type(None)):
        return value
    return (kind, bool(value)) if kind in (str, int, list, tuple, dict, set) else kind


def _spread(numbers: list[int]) -> list[int]:
    """The first, last and middle numbers before those in between: 0, n, n/2, n/4, 3n/4, …"""
    places = dict.fromkeys([0, len(numbers) - 1])
    parts = 2
    while len(places) < min(len(numbers), _MAX_SPREAD):
        places.update(dict.fromkeys(len(numbers) * part // parts for part in range(1, parts, 2)))
        parts *= 2
    return [numbers[place] for place in places]


def _in_turn(groups: list[list[int]]) -> list[int]:
    """One item of each group, then the next of each."""
    return [group[turn] for turn in range(max(map(len, groups), default=0)) for group in groups if turn < len(group)]


class Capture(Watch):
    """Takes the arguments of chosen calls by value; `calls[i]` holds the i-th function's pickles in order of call."""

    def __init__(self, targets: list[list[Any]], bounds: dict[str, int], chosen: list[list[int]]) -> None:
        super().__init__(targets, bounds)
        self.calls: list[list[bytes]] = [[] for _ in targets]
        self.unpicklable = [0] * len(targets)
        self.oversized = [0] * len(targets)
        self._wanted = [frozenset(numbers) for numbers in chosen]
        self._last = [max(numbers, default=0) for numbers in chosen]
        self._bytes = [0] * len(targets)
        self._all_bytes = 0

    def entered(self, index: int, number: int, frame: types.FrameType) -> None:
        if number in self._wanted[index]:
            try:
                pickled = cloudpickle.dumps(arguments_of(frame), protocol=5)
            except Exception:  # noqa: BLE001 - pickling runs code of the repository, which may raise anything
                self.unpicklable[index] += 1
            else:
                self._keep(index, pickled)
        if number >= self._last[index]:
            self.ignore(frame.f_code)

    def _keep(self, index: int, pickled: bytes) -> None:
        if pickled in self.calls[index]:
            return
        for name, size in (
            ("size of a call", len(pickled) - self.bounds["pickle_bytes"]),
            ("size per function", len(pickled) + self._bytes[index] - self.bounds["function_bytes"]),
            ("size in all", len(pickled) + self._all_bytes - self.bounds["total_bytes"]),
        ):
            if size > 0:
                self.cut.add(name)
                self.oversized[index] += 1
                return
        self.calls[index].append(pickled)
        self._bytes[index] += len(pickled)
        self._all_bytes += len(pickled)


def arguments_of(frame: types.FrameType) -> dict[str, Any]:
    """The arguments of the call that `frame` has just entered, by kind of parameter."""
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames
    plain = names[: code.co_argcount]
    keyword = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = list(names[code.co_argcount + code.co_kwonlyargcount :])
    star = values[rest.pop(0)] if code.co_flags & _VARARGS else ()
    double_star = values[rest.pop(0)] if code.co_flags & _VARKEYWORDS else {}
    return {
        "names": list(plain),
        "positional": [values[name] for name in plain],
        "star": star,
        "keyword": {name: values[name] for name in keyword},
        "double_star": double_star,
    }
