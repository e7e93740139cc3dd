"""Turns a pickled call into the names and the digest of what it holds, without opening it.

Opcodes are read, none is executed. Where objects lie in the pickle's memory is left out, and so are the random names
that cloudpickle gives to classes: two recordings of the same call have the same digest, though seldom the same bytes.
"""

from __future__ import annotations

import hashlib
import pickletools
import re
from dataclasses import dataclass

from pytest_cereval.source.mentions import words_of

_RANDOM = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")
"""As `uuid.uuid4` makes them."""
_LAYOUT = frozenset({"FRAME", "MEMOIZE", "PROTO", "PUT", "BINPUT", "LONG_BINPUT"})


@dataclass(frozen=True, slots=True)
class Held:
    """`content` is a digest of what is built, step by step; `words` are identifiers in texts and global names."""

    content: str
    words: frozenset[str]


def held_in(call: bytes) -> Held:
    """What a pickle holds; raises `ValueError` for what is none."""
    content = hashlib.sha256()
    words: set[str] = set()
    for opcode, held, _ in pickletools.genops(call):
        if opcode.name in _LAYOUT:
            continue
        if isinstance(held, str):
            if _RANDOM.fullmatch(held):
                held = ""
            words |= words_of(held)
        content.update(f"{opcode.name} {held!r}\n".encode("utf-8", "surrogatepass"))
    return Held(content.hexdigest(), frozenset(words))
