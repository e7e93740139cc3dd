"""Turns what a call leaves behind into what can be looked for: texts in arguments and events, code objects, files.

Standard library only.
"""

from __future__ import annotations

import os
import types
from collections.abc import Iterator
from typing import Any

_EFFECT_FOLDERS = ("/tmp", ".")  # noqa: S108 - the sandbox's own
MAX_ENTRIES = 20_000
"""So many files are looked at, and so many characters of what a module keeps."""


def codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_in(constant)


def texts_in(value: Any) -> Iterator[str]:
    """The texts in plain data, however deep; bytes as the texts that they may be."""
    if isinstance(value, (str, bytes, bytearray)):
        yield text_of(value)
    elif isinstance(value, dict):
        for pair in value.items():
            yield from texts_in(pair)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from texts_in(item)


def text_of(value: Any) -> str:
    """A text, or bytes as one; empty for anything else."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def event_text(values: Any) -> str:
    """All texts in an audit event's arguments, lists included."""
    found = []
    for value in values if isinstance(values, (list, tuple)) else ():
        found.append(event_text(value) if isinstance(value, (list, tuple)) else text_of(value))
    return " ".join(found)


def file_named(name: str) -> bool:
    """Whether a file or folder bears a name, below what can be written to."""
    left = MAX_ENTRIES
    for start in _EFFECT_FOLDERS:
        for _, folders, files in os.walk(start):
            left -= len(folders) + len(files)
            if name in files or name in folders:
                return True
            if left < 0:
                return False
    return False
