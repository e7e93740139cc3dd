"""Turns a file and one function of it into numbered lines: the function, what it uses, what is near, up to a budget."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_cereval.oracles.blocks import split_lines
from pytest_cereval.source.functions import FunctionNode, SourceFunction, first_line
from pytest_cereval.source.syntax import parse
from pytest_cereval.tasks.context import estimate_tokens

_GAP = "      ..."
_STEPS = 3
"""So many times what is named by what is shown is shown as well."""
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some lines of the file that stand or fall together, and the name they define."""

    first: int
    last: int
    node: ast.AST
    name: str
    own: bool = False


def listing(source: str, function: SourceFunction, budget_tokens: int) -> str:
    """Lines of the file with their numbers, the function's in full, in order; what is left out is marked."""
    rows = [line.rstrip("\r\n") for line in split_lines(source)]
    pieces = _pieces(parse(source), function)
    shown = [piece for piece in pieces if piece.own or isinstance(piece.node, ast.Import | ast.ImportFrom)]
    names = _names(piece.node for piece in shown if piece.own)
    for _ in range(_STEPS):
        more = [piece for piece in pieces if piece.name in names and piece not in shown and _short(piece)]
        shown += more
        names |= _names(piece.node for piece in more)
    left = budget_tokens - estimate_tokens(_numbered(rows, shown))
    for piece in sorted(pieces, key=lambda each: _distance(each, function)):
        cost = estimate_tokens(_numbered(rows, [piece]))
        if piece not in shown and cost <= left:
            shown.append(piece)
            left -= cost
    return _numbered(rows, shown)


def _distance(piece: _Piece, function: SourceFunction) -> tuple[int, int]:
    return min(abs(piece.first - function.last_line), abs(function.first_line - piece.last)), piece.first


def _short(piece: _Piece) -> bool:
    return piece.last - piece.first < _LONGEST


def _pieces(module: ast.Module, function: SourceFunction) -> list[_Piece]:
    return list(_below(module.body, function))


def _below(body: Sequence[ast.stmt], function: SourceFunction) -> Iterator[_Piece]:
    """Statements; of what encloses the function, its head and its members."""
    for node in body:
        first = first_line(node) if isinstance(node, FunctionNode | ast.ClassDef) else node.lineno
        last = node.end_lineno or node.lineno
        inner: list[ast.stmt] = getattr(node, "body", [])
        if first == function.first_line and isinstance(node, FunctionNode):
            yield _Piece(first, last, node, node.name, own=True)
        elif first <= function.first_line <= last and inner and inner[0].lineno > node.lineno:
            yield _Piece(first, _head(inner[0]), ast.Pass(), "", own=True)
            yield from _below(inner, function)
            yield from _below(getattr(node, "orelse", []), function)
        else:
            yield _Piece(first, last, node, _defined(node))


def _head(first: ast.stmt) -> int:
    return (first_line(first) if isinstance(first, FunctionNode | ast.ClassDef) else first.lineno) - 1


def _defined(node: ast.stmt) -> str:
    if isinstance(node, FunctionNode | ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        # A call at top level, such as one that makes a table, belongs to what it is called on.
        targets = [node.value.func]
    found = [name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)]
    return found[0] if found else ""


def _names(nodes: Iterator[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        for item in ast.walk(node):
            name = getattr(item, "id", None) or getattr(item, "attr", None)
            if isinstance(name, str):
                found.add(name)
    return found


def _numbered(rows: Sequence[str], pieces: Sequence[_Piece]) -> str:
    numbers = sorted({number for piece in pieces for number in range(piece.first, piece.last + 1)})
    result: list[str] = []
    last = 0
    for number in numbers:
        between = [row for row in rows[last : number - 1] if row.strip()]
        if between:
            result.append(_GAP)
        elif number > last + 1 and result:
            result.append("")
        result.append(f"{number:5} {rows[number - 1]}".rstrip())
        last = number
    if any(row.strip() for row in rows[last:]):
        result.append(_GAP)
    return "\n".join(result)
