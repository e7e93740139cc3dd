"""Turns blobs of Python source into the functions they hold: where each stands, and the shape of its body.

A blob is parsed once, however many commits show it, and a function's text is brought to its normal form once,
however many blobs hold it. What is kept is small: two numbers for a version of a function.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_cereval.source.functions import SourceFunction, accessor_role, first_line, walk_functions
from pytest_cereval.source.normal_form import Shape, shape
from pytest_cereval.source.syntax import parse

Key = str
"""Qualified name, role and number of a function inside its file."""


@dataclass(frozen=True, slots=True)
class Held:
    """One version of one function: its key and its shape's number."""

    key: Key
    shape: int


@dataclass(slots=True)
class Blobs:
    """Reads blobs by id through `read`; `shapes` are the distinct bodies met so far."""

    read: Callable[[str], bytes]
    shapes: list[Shape] = field(default_factory=list)
    _held: dict[str, tuple[Held, ...] | None] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _texts: dict[bytes, int] = field(default_factory=dict)
    _interned: dict[Held, Held] = field(default_factory=dict)

    def functions(self, blob: str) -> tuple[Held, ...] | None:
        """The functions of a blob in order of appearance; None where this interpreter cannot parse it."""
        if blob not in self._held:
            try:
                self._held[blob] = self._extract(self.read(blob))
            except (SyntaxError, ValueError, RecursionError):
                self._held[blob] = None
        return self._held[blob]

    def _extract(self, source: bytes) -> tuple[Held, ...]:
        lines = source.splitlines(keepends=True)
        seen: Counter[tuple[str, str]] = Counter()
        found = []
        for node, parents, _ in walk_functions(parse(source)):
            qualname, role = ".".join([*parents, node.name]), accessor_role(node)
            ordinal = seen[(qualname, role)]
            seen[(qualname, role)] += 1
            text = hashlib.sha256(b"".join(lines[first_line(node) - 1 : node.end_lineno])).digest()
            if text not in self._texts:
                self._texts[text] = self._number(shape(node))
            held = Held(key(qualname, role, ordinal), self._texts[text])
            found.append(self._interned.setdefault(held, held))
        return tuple(found)

    def _number(self, found: Shape) -> int:
        number = self._numbers.setdefault(found.digest, len(self.shapes))
        if number == len(self.shapes):
            self.shapes.append(found)
        return number


def key(qualname: str, role: str, ordinal: int) -> Key:
    """What tells a function from all others of its file."""
    return f"{qualname} {role} {ordinal}"


def key_of(function: SourceFunction) -> Key:
    """The key of a function that was read from a checkout."""
    return key(function.qualname, function.role, function.ordinal)
