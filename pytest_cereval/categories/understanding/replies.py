"""Answers whose verdict is known, for whoever checks the judge: the right one, one that changes nothing, a denial."""

from __future__ import annotations

import textwrap

from pytest_cereval.tasks.suite import TaskOracle


def fixed(oracle: TaskOracle) -> str:
    """The right lines and the reference's own text."""
    return reply(right_lines(oracle), textwrap.dedent(oracle.function.source))


def unchanged(oracle: TaskOracle) -> str:
    """The right lines, and the function as it is shown."""
    return reply(right_lines(oracle), oracle.planted["shown"])


def denial() -> str:
    """That there is no bug."""
    return "LINE: none\n"


def right_lines(oracle: TaskOracle) -> list[int]:
    """One line for each planted fault."""
    return [fault["lines"][0] for fault in oracle.planted["faults"]]


def reply(lines: list[int], function: str, why: str = "It is wrong.") -> str:
    """An answer in the form that is asked for."""
    named = ", ".join(map(str, lines)) or "none"
    return f"LINE: {named}\nWHY: {why}\n```python\n{function.rstrip()}\n```\n"
