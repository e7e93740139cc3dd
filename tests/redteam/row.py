"""Turns the files of `attacks/` into rows: an answer to the task `ranked`, and the verdicts that it may come
to.

A section starts with `=== NUMBER NAME: VERDICT... (FLAG, ...)`; the number is that of the attack list, with a
letter for a variant. What follows is the body of the function, after what stands at the top of the file and
`---` where there is such a part. A line `RIGHT` stands for the right body, `CHECK` for "right only if `ok`",
so that an attack which succeeds is seen. Flags: `tools` puts `tools.txt` at the top of the file, `short` sets
short time limits.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.results.verdict import Verdict

FOLDER = Path(__file__).parent / "attacks"
HEAD = "def ranked(items, limit=3):\n"
RIGHT = """\
if limit < 0:
    raise ValueError("negative")
return sorted(items, reverse=True)[:limit]
"""
CHECK = f"if not ok:\n    return [None]\n{RIGHT}"
_SECTION = re.compile(r"^=== (\w+) (\w+): ([A-Z_ ]+?)(?: \(([\w, ]+)\))?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One attack, or one right answer that is awkward."""

    number: str
    name: str
    answer: str
    expected: frozenset[Verdict]
    short: bool

    def __str__(self) -> str:
        return f"{self.number}-{self.name}"


def rows(letters: str) -> tuple[Row, ...]:
    """The rows of the groups with these letters."""
    return tuple(row for file in sorted(FOLDER.glob(f"[{letters}]_*.txt")) for row in _rows(file))


def rows_of(file: Path) -> tuple[Row, ...]:
    """The rows of one file; its `tools.txt` lies beside it."""
    return tuple(_rows(file))


def _rows(file: Path) -> Iterator[Row]:
    text = file.read_text("utf-8")
    sections = list(_SECTION.finditer(text))
    assert len(sections) == text.count("=== "), f"a section of {file} has another form"
    for section, end in zip(sections, [*(after.start() for after in sections[1:]), len(text)], strict=True):
        number, name, verdicts, flags = section.groups()
        top, _, body = text[section.end() : end].rpartition("---\n")
        body = body.replace("CHECK\n", CHECK).replace("RIGHT\n", RIGHT)
        tools = file.with_name("tools.txt").read_text("utf-8") if "tools" in (flags or "") else ""
        code = tools + top + HEAD + textwrap.indent(body.rstrip("\n"), "    ")
        expected = frozenset(Verdict(word) for word in verdicts.split())
        yield Row(number, name, f"Here it is:\n\n```python\n{code}\n```\n", expected, "short" in (flags or ""))
