"""Turns numbers and tables into plain lines and Markdown that a terminal and a job summary can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pytest_cereval.results.printing import counted as counted
from pytest_cereval.results.printing import one_line as printable

SUMMARY_BYTES = 900_000
"""A step of a GitHub job summary above 1 MiB is dropped whole; this leaves room for what others write."""
_ESCAPED = str.maketrans({"|": "\\|", "`": "\\`", "<": "&lt;", ">": "&gt;", "*": "\\*", "_": "\\_", "[": "\\["})


class Bounded(Protocol):
    """What has an interval."""

    @property
    def low(self) -> float | None:
        """Its lower end."""

    @property
    def high(self) -> float | None:
        """Its upper end."""


def percent(value: float | None) -> str:
    """`45.0 %`; "unknown" for None."""
    return "unknown" if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """A difference of rates in percentage points with its sign: `-5.3 points`."""
    return "unknown" if value is None else f"{100 * value:+.1f} points"


def interval_text(bounded: Bounded) -> str:
    """` (26.0 to 66.0 %)`, or nothing where there is no interval."""
    if bounded.low is None or bounded.high is None:
        return ""
    return f" ({100 * bounded.low:.1f} to {100 * bounded.high:.1f} %)"


def listed(names: Sequence[str], most: int = 0) -> str:
    """`a, b and c`; above `most` (0 for all) the rest are counted."""
    shown = list(names[:most]) if most and len(names) > most else list(names)
    if len(shown) < len(names):
        shown.append(f"{len(names) - len(shown)} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def cell(text: str) -> str:
    """Any text as one cell of a Markdown table, without power over the page."""
    return printable(text).translate(_ESCAPED)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as lines; every cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(each if each == '---' else cell(each) for each in line)} |" for line in lines]


def plain_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as lines of columns that line up, the first to the left and the others to the right."""
    lines = [[printable(each) for each in line] for line in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return [
        "  ".join(
            each.rjust(width) if column else each.ljust(width)
            for column, (each, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def bounded(lines: Iterable[str], most: int = SUMMARY_BYTES) -> str:
    """The lines as one text of at most `most` bytes; what does not fit is cut at a line, and the last line says so."""
    kept: list[str] = []
    room = most - 100
    left_out = 0
    for line in lines:
        size = len(line.encode("utf-8", "replace")) + 1
        if left_out or size > room:
            left_out += 1
            continue
        kept.append(line)
        room -= size
    if left_out:
        kept += ["", f"{counted(left_out, 'line')} left out to keep this summary small; the JSON has everything."]
    return "\n".join(kept) + "\n"
