"""Tells which lines of a function, with what is defined inside it, are gone through. Standard library only."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from .proposals import codes_in

_BEGUN = 0x20 | 0x80 | 0x200
"""Flags of code that only begins when it is called, as in `inspect`, which takes long to import."""
_DONE = (type(None), bool, int, float, str, bytes)


@contextlib.contextmanager
def lines_of(function: types.FunctionType) -> Iterator[Lines]:
    """Watch, in this thread, until the block ends."""
    lines = Lines(function)
    before = sys.gettrace()
    lines.watch()
    try:
        yield lines
    finally:
        sys.settrace(before)


class Lines:
    """The numbers of the lines that were `reached`.

    Watching slows down all Python code several times over, so our own work around the function is left out.
    """

    def __init__(self, function: types.FunctionType) -> None:
        self.reached: set[int] = set()
        self._function = function
        self._codes = set(codes_in(function.__code__))
        self._may_go_on = any(code.co_flags & _BEGUN for code in self._codes)

    def watch(self) -> None:
        """From now on."""
        sys.settrace(self._enter)

    def pause(self) -> None:
        """Until the function is called."""
        sys.settrace(None)

    def call(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the function, watch it, and stop watching, unless its result may hold a part that has only begun."""
        self.watch()
        returned: Any = None
        try:
            returned = self._function(*arguments, **keywords)
        finally:
            if type(returned) in _DONE or not self._may_go_on:
                self.pause()
        return returned

    def _enter(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        return self._step if frame.f_code in self._codes else None

    def _step(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        self.reached.add(frame.f_lineno)
        return self._step
