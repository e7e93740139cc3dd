"""Takes down what a call prints to standard output, on its way there. Standard library only."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any

MAX_PRINTED = 4000


class Tape(io.TextIOBase):
    """Stands in for a text stream: passes everything on, and keeps the first `MAX_PRINTED` characters in `text`.

    What is written past it, to the stream's buffer or to a descriptor, is not seen.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.text = ""

    def write(self, text: str) -> int:
        """Keep and pass on."""
        self.text += text[: MAX_PRINTED - len(self.text)]
        if self._stream is not None:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on."""
        if self._stream is not None:
            self._stream.flush()

    def writable(self) -> bool:
        """Always."""
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def printed() -> Iterator[Tape]:
    """A tape of what is printed until the block ends."""
    before = sys.stdout
    tape = Tape(before)
    sys.stdout = tape
    try:
        yield tape
    finally:
        sys.stdout = before
