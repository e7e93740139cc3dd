"""Turns an expression and what takes its place into edits that mean just that, with parentheses where they are needed.

Whether they are needed is not told from a table of precedences: the text that would result is parsed and held against
the tree that is meant.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from itertools import product

from pytest_cereval.categories.understanding.editing import Edit
from pytest_cereval.categories.understanding.sites import Scope
from pytest_cereval.source.syntax import parse

_LOOSEST = ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Lambda | ast.IfExp
"""What a keyword, a bound of a slice and a part of a comprehension hold in parentheses only, or may hold so."""


def in_place(scope: Scope, node: ast.expr, parent: ast.AST | None, part: ast.expr) -> Edit | None:
    """A part of an expression in the place of the whole; None for an unpacking, which stands for many."""
    if isinstance(part, ast.Starred):
        return None
    written = scope.text.of(part)
    own = (scope.text.start(node), scope.text.end(node))
    if isinstance(parent, ast.Call) and node is not parent.func:
        bracketed, needed = True, False
    else:
        bracketed = scope.text.outer(node) != own
        needed = not bracketed and not _stands(scope, node, parent, part, written)
    alone = bracketed or _means(written, part)
    return Edit(*own, written if alone and not needed else f"({written})")


def _stands(scope: Scope, node: ast.expr, parent: ast.AST | None, part: ast.expr, written: str) -> bool:
    """Whether a text without parentheses means the part where the node stands."""
    if isinstance(parent, ast.keyword | ast.comprehension | ast.Slice):
        return not isinstance(part, _LOOSEST)
    if not isinstance(parent, ast.expr):
        return _means(written, part)
    start, end = scope.text.start(parent), scope.text.end(parent)
    before, behind = scope.text.text[start : scope.text.start(node)], scope.text.text[scope.text.end(node) : end]
    return _means(f"({before}{written}{behind}\n)", _with(parent, {node: part}))


def exchanged(scope: Scope, parent: ast.expr, left: ast.expr, right: ast.expr) -> tuple[Edit, ...]:
    """Two parts of an expression in each other's place, each with its parentheses; empty where that cannot be."""
    text = scope.text
    if ast.dump(left) == ast.dump(right):
        return ()
    (left_start, left_end), (right_start, right_end) = text.outer(left), text.outer(right)
    wanted = _with(parent, {left: right, right: left})
    before, between = text.text[text.start(parent) : left_start], text.text[left_end:right_start]
    behind = text.text[right_end : text.end(parent)]
    options = [(written, f"({written})") for written in (text.of_outer(right), text.of_outer(left))]
    for first, second in product(*options):
        if _means(f"({before}{first}{between}{second}{behind}\n)", wanted):
            return Edit(left_start, left_end, first), Edit(right_start, right_end, second)
    return ()


def _with(parent: ast.expr, other: Mapping[ast.expr, ast.expr]) -> ast.expr:
    """A copy of an expression with other parts."""
    changed = copy.copy(parent)
    for name, value in ast.iter_fields(parent):
        if isinstance(value, list):
            setattr(changed, name, [other.get(item, item) for item in value])
        elif isinstance(value, ast.expr):
            setattr(changed, name, other.get(value, value))
    return changed


def _means(written: str, wanted: ast.expr) -> bool:
    """Whether a text, as a statement by itself, is an expression with a certain tree."""
    try:
        body = parse(written).body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return len(body) == 1 and isinstance(body[0], ast.Expr) and ast.dump(body[0].value) == ast.dump(wanted)
