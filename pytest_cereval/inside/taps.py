"""Lets `Sinks` hear what raises no audit event: SQL, parsed XML, and processor time. Standard library only."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import types
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from .sinks import ReachedError, Sinks


class TimeUpError(BaseException):
    """A call used up its processor time, and not in what is looked for."""


def tap_sqlite(heard: list[Sinks]) -> None:
    """Have every connection from now on tell its statements to the first of `heard`, once there is one."""
    connect = sqlite3.connect

    def tapped(*positional: Any, **keyword: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*positional, **keyword)
        connection.set_trace_callback(lambda text: heard[0].statement(text) if heard else None)
        return connection

    sqlite3.connect = tapped  # type: ignore[assignment]


def tap_xml(heard: list[Sinks]) -> None:
    """Have parsed documents told likewise."""
    fromstring = ElementTree.fromstring

    def tapped(*positional: Any, **keyword: Any) -> Any:
        root = fromstring(*positional, **keyword)
        if heard:
            heard[0].parsed(root.itertext())
        return root

    for name in ("fromstring", "XML"):
        setattr(ElementTree, name, tapped)


@contextlib.contextmanager
def time_limit(sinks: Sinks, cpu_s: float) -> Iterator[None]:
    """Stop after some processor time of this process, in user mode, and ask whether that is the sink."""

    def ring(number: int, frame: types.FrameType | None) -> None:
        raise ReachedError if sinks.ran_out(frame) else TimeUpError

    signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s, cpu_s)  # again, for code that handles what it raises
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
