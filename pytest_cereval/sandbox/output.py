"""Turns a stream of untrusted bytes into a bounded, printable tail and a count."""

from __future__ import annotations


class OutputTail:
    """Keeps the last `limit` bytes of what it is fed; memory stays below three times that."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self.total = 0

    def feed(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self._kept += chunk
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    @property
    def overflowed(self) -> bool:
        return self.total > self._limit

    def text(self) -> str:
        """The last `limit` bytes as text that is safe to print."""
        return printable(bytes(self._kept[-self._limit :]))


def printable(raw: bytes) -> str:
    """Decode as UTF-8 and escape whatever is not printable, newline and tab aside.

    Terminal escapes, carriage returns and direction marks would let a program rewrite the report it appears
    in.
    """
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
