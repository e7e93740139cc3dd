"""Turns a pickled call into the names and the digest of what it holds, without opening it.

Nothing is executed, and no opcode is followed: there are millions of them. Texts are found by the bytes that stand
before them. Now and then other bytes look like that, which gives a word too many and never one too few.

The random names that cloudpickle gives to classes are left out: two recordings of the same call have the same digest,
though seldom the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cereval.source.mentions import words_of

# https://github.com/python/cpython/blob/main/Lib/pickletools.py: a text is SHORT_BINUNICODE with a length of one byte,
# or BINUNICODE with one of four. What needs more than two of those is too long to name anything.
_SHORT = re.compile(rb"\x8c(?=(.))", re.DOTALL)
_LONG = re.compile(rb"X(?=(..)\x00\x00)", re.DOTALL)
_LENGTH_BYTES = {_SHORT: 1, _LONG: 4}
_RANDOM = re.compile(rb"\x8c\x20[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")
"""A text as `uuid.uuid4` makes them."""
_PROTOCOL = re.compile(rb"\x80[\x04-\x05]")
"""Those in which all names are texts."""


@dataclass(frozen=True, slots=True)
class Held:
    """`content` is a digest of what is built, step by step; `words` are identifiers in texts and global names."""

    content: str
    words: frozenset[str]


def normal(call: bytes) -> bytes:
    """A pickle without names that were made by chance; it cannot be opened any more."""
    return _RANDOM.sub(b"", call)


def held_in(call: bytes) -> Held:
    """What a pickle holds, `normal` or not; raises `ValueError` for what is none of protocol 4 or 5."""
    if not _PROTOCOL.match(call) or not call.endswith(b"."):
        raise ValueError(f"no pickle of protocol 4 or 5: it begins with {call[:2]!r}")
    call = normal(call)
    texts = (each.decode("utf-8", "replace") for each in set(_texts(call)))
    return Held(hashlib.sha256(call).hexdigest(), frozenset().union(*map(words_of, texts)))


def _texts(call: bytes) -> Iterator[bytes]:
    for pattern, count in _LENGTH_BYTES.items():
        for found in pattern.finditer(call):
            start = found.end() + count
            yield call[start : start + int.from_bytes(found[1], "little")]
