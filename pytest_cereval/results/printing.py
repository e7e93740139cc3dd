"""Turns texts that nobody vouches for into printable ones, and counts into words; the one home of both."""

from __future__ import annotations


def printable(text: str, limit: int | None = None) -> str:
    """Text from a model or a sandbox, with all that would move the cursor, recolour or reorder spelled out.

    Everything but a line feed, a tab and what `str.isprintable` accepts becomes a backslash escape; that
    covers terminal escapes, carriage returns, bidirectional overrides, zero-width characters and lone
    surrogates. A text of more than `limit` characters is cut, and says so.
    """
    cut = len(text) - limit if limit is not None else 0
    if cut > 0:
        text = f"{text[:limit]}… ({cut} more characters)"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else _escaped(each) for each in text)


def one_line(text: str, limit: int | None = None) -> str:
    """As `printable`, and line feeds and tabs spelled out as well, for a place that is one line."""
    return printable(text, limit).replace("\n", "\\n").replace("\t", "\\t")


def counted(count: int, noun: str) -> str:
    """`1 item`, `2 items`, `2 repositories`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
