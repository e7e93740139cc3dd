"""Turns what llama.cpp says while it works into the last lines of it, for error messages."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

_DEBUG, _CONTINUES = 1, 5  # log levels of ggml.h; the binding's own table has others


class NativeLog:
    """The end of what llama.cpp says. One for the process, as llama.cpp's callback is, and never given
    back: native code may call it whenever it likes.
    """

    def __init__(self, native: Any) -> None:
        """`native` is llama.cpp's binding, which `llama.py` alone imports."""
        self._native = native
        self._lines: collections.deque[str] = collections.deque(maxlen=40)
        self._listener: Callable[[str], None] | None = None
        self._level = 0
        self._callback = native.llama_log_callback(self._keep)

    def listen(self, listener: Callable[[str], None] | None) -> None:
        """From now on keep lines, and pass each on to `listener`."""
        self._lines.clear()
        self._listener = listener
        self._native.llama_log_set(self._callback, None)

    def tail(self) -> str:
        """The last lines, each on a line of its own, ready to follow a sentence."""
        return "".join(f"\n    {line}" for line in "".join(self._lines).strip().splitlines()[-8:])

    def _keep(self, level: int, text: bytes, _data: Any) -> None:
        self._level = self._level if level == _CONTINUES else level
        if self._level != _DEBUG:
            line = text.decode(errors="replace")
            self._lines.append(line)
            if self._listener is not None:
                self._listener(line)
