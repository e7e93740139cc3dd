"""Notes which processes and connections a call starts, by the interpreter's own audit events.

What is noted comes from the process of the answer itself, so it is a screening, not a proof: an answer that hides an
event gets no more out of it than that nobody is told. The sandbox is what stops it.
"""

from __future__ import annotations

import sys
from typing import Any

EVENTS = (
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "pty.spawn", "subprocess.Popen"),
    *("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"),
)
"""See https://docs.python.org/3/library/audit_events.html."""


class Events:
    """The names of the events that occurred since `begin`, sorted."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._known = frozenset(EVENTS)

    def begin(self) -> None:
        """A hook cannot be taken away again."""
        sys.addaudithook(self._note)

    def names(self) -> list[str]:
        """What was seen."""
        return sorted(self._seen)

    def _note(self, event: str, _arguments: Any) -> None:
        if event in self._known:
            self._seen.add(event)
