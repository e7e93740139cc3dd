"""Turns a statement or an expression into its shape, which does not change with the values it holds.

Data that stays data leaves the shape as it was meant; what is injected changes it. Standard library only.
"""

from __future__ import annotations

import ast
import bisect
import re

from .syntax import parse

_MAX_TEXT = 100_000
# One pass, and each alternative begins with another character or is a single one.
_SQL = re.compile(
    r"(?P<space>\s+)|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>[xX]?'(?:[^']|'')*'?)"
    r"|(?P<name>\"(?:[^\"]|\"\")*\"?|`[^`]*`?|[A-Za-z_]\w*)|(?P<number>\d[\w.]*)|(?P<other>.)",
    re.DOTALL,
)


def sql_shape(statement: str) -> list[str]:
    """The kinds of a statement's tokens: `'` text, `0` number, `a` name, `--` comment, others as they are."""
    kinds = {"text": "'", "number": "0", "name": "a", "comment": "--"}
    found = _SQL.finditer(statement[:_MAX_TEXT])
    return [kinds.get(token.lastgroup or "", token.group()) for token in found if token.lastgroup != "space"]


def is_too_long(text: str) -> bool:
    """Whether a text is longer than what is looked at, so that its shape says nothing."""
    return len(text) > _MAX_TEXT


def sql_spans(statement: str, text: str) -> bool:
    """Whether a text stands in a statement as it is, and over more than one token: then it has left its place."""
    tokens = [token.span() for token in _SQL.finditer(statement[:_MAX_TEXT]) if token.lastgroup != "space"]
    starts, ends = [start for start, _ in tokens], [end for _, end in tokens]
    place = statement.find(text) if text else -1
    while place >= 0:
        end = place + len(text)
        if bisect.bisect_left(starts, end) - bisect.bisect_right(ends, place) > 1:
            return True
        place = statement.find(text, end)
    return False


def sql_texts(statement: str) -> list[str]:
    """What the texts in a statement stand for, quotes undoubled."""
    found = (token.group() for token in _SQL.finditer(statement[:_MAX_TEXT]) if token.lastgroup == "text")
    return [text.lstrip("xX")[1:-1].replace("''", "'") for text in found]


def code_texts(text: str) -> list[str]:
    """The constants in Python code that are texts; none for what is no code."""
    nodes = ast.walk(_tree(text) or ast.Module([], []))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def code_shape(text: str) -> str:
    """The tree of Python code with every constant and name as one; empty for text that is no code."""
    tree = _tree(text)
    if tree is None:
        return ""
    parts: list[str] = []
    for node in ast.walk(tree):
        kind = type(node).__name__
        parts.append("Value" if kind in ("Constant", "UnaryOp", "UAdd", "USub") else kind)
    return " ".join(parts)


def _tree(text: str) -> ast.Module | None:
    try:
        return parse(text[:_MAX_TEXT].strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
