"""Tells which lines of a function, with what is defined inside it, are gone through. Standard library only."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from .proposals import codes_in


@contextlib.contextmanager
def lines_of(function: types.FunctionType) -> Iterator[set[int]]:
    """Collect the numbers of the lines that are reached, in this thread, until the block ends."""
    codes = set(codes_in(function.__code__))
    lines: set[int] = set()

    def inner(frame: types.FrameType, event: str, argument: Any) -> Any:
        lines.add(frame.f_lineno)
        return inner

    def outer(frame: types.FrameType, event: str, argument: Any) -> Any:
        return inner if frame.f_code in codes else None

    before = sys.gettrace()
    sys.settrace(outer)
    try:
        yield lines
    finally:
        sys.settrace(before)
