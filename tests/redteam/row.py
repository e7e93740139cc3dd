"""What a row of the attack set is: an answer to the task `ranked`, and how it must end."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from pytest_cereval.results.verdict import Verdict

RIGHT = """\
if limit < 0:
    raise ValueError("negative")
return sorted(items, reverse=True)[:limit]
"""
HEAD = "def ranked(items, limit=3):\n"
# Ends an attack: whether it worked decides between the right answer and a wrong one, so that a success would be seen.
IF_OK = "if not ok:\n    return [None]\n" + RIGHT


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is that of the attack list, with a letter for a variant; `expected` are the verdicts that may come."""

    number: str
    name: str
    answer: str
    expected: frozenset[Verdict]
    short: bool = False

    def __str__(self) -> str:
        return f"{self.number}-{self.name}"


def row(number: str, name: str, body: str, *expected: Verdict, before: str = "", short: bool = False) -> Row:
    """A row from the body of the function and what stands `before` it at the top of the file."""
    code = before + HEAD + textwrap.indent(textwrap.dedent(body), "    ")
    return Row(number, name, f"Here it is:\n\n```python\n{code}\n```\n", frozenset(expected), short)
