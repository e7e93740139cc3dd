"""Faults in conditions: boundaries, negations, operands left out, emptiness taken for absence, guards forgotten."""

from __future__ import annotations

import ast

from pytest_cereval.categories.understanding.editing import Edit
from pytest_cereval.categories.understanding.operator import Proposals, between, one, without
from pytest_cereval.categories.understanding.precedence import in_place
from pytest_cereval.categories.understanding.sites import Scope, Site

Tested = ast.If | ast.While | ast.IfExp | ast.comprehension | ast.Assert
_TEXTS: dict[type[ast.cmpop], str] = {
    ast.Lt: r"<(?!=)",
    ast.LtE: r"<=",
    ast.Gt: r">(?!=)",
    ast.GtE: r">=",
    ast.Eq: r"==",
    ast.NotEq: r"!=",
    ast.Is: r"\bis\b",
    ast.IsNot: r"\bis\s+not\b",
    ast.In: r"\bin\b",
    ast.NotIn: r"\bnot\s+in\b",
}
_BOUNDARY: dict[type[ast.cmpop], str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
_REVERSED: dict[type[ast.cmpop], str] = {ast.Lt: ">", ast.LtE: ">=", ast.Gt: "<", ast.GtE: "<="}
_NEGATED: dict[type[ast.cmpop], str] = {
    ast.Lt: ">=",
    ast.LtE: ">",
    ast.Gt: "<=",
    ast.GtE: "<",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_PLAIN = ast.Name | ast.Attribute | ast.Subscript | ast.Call
_EMPTY = ("''", '""', "[]", "()", "{}", "0")
_LEAVING = ast.Return | ast.Raise | ast.Continue | ast.Break


def _compared(node: ast.Compare, scope: Scope, table: dict[type[ast.cmpop], str]) -> Proposals:
    operands = [node.left, *node.comparators]
    for place, operator in enumerate(node.ops):
        if type(operator) in table:
            pattern, new = _TEXTS[type(operator)], table[type(operator)]
            yield from one(between(scope, operands[place], operands[place + 1], pattern, new))


def boundary(node: ast.Compare, site: Site, scope: Scope) -> Proposals:
    """`a < b` → `a <= b`."""
    yield from _compared(node, scope, _BOUNDARY)


def reversed_comparison(node: ast.Compare, site: Site, scope: Scope) -> Proposals:
    """`a < b` → `a > b`."""
    yield from _compared(node, scope, _REVERSED)


def negated(node: Tested, site: Site, scope: Scope) -> Proposals:
    """`if a == b:` → `if a != b:`, `if not a:` → `if a:`, `if a:` → `if not a:`."""
    for test in node.ifs if isinstance(node, ast.comprehension) else [node.test]:
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            yield from _compared(test, scope, _NEGATED)
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yield from one(in_place(scope, test, node, test.operand))
        elif isinstance(test, _PLAIN):
            yield from one(scope.text.replace(test, f"not {scope.text.of(test)}"))
        elif isinstance(test, ast.BoolOp):
            yield from one(scope.text.replace(test, f"not ({scope.text.of(test)})"))


def negated_part(node: ast.Compare | ast.UnaryOp, site: Site, scope: Scope) -> Proposals:
    """`a and b == c` → `a and b != c`, `return not a` → `return a`; conditions as a whole are `negated`'s."""
    parent = site.parent
    if isinstance(parent, Tested) and (node is getattr(parent, "test", None) or node in getattr(parent, "ifs", ())):
        return
    if isinstance(node, ast.Compare):
        if len(node.ops) == 1:
            yield from _compared(node, scope, _NEGATED)
    elif isinstance(node.op, ast.Not):
        yield from one(in_place(scope, node, parent, node.operand))


def dropped_operand(node: ast.BoolOp, site: Site, scope: Scope) -> Proposals:
    """`a and b` → `a`, `b`."""
    text, values = scope.text, node.values
    for place, value in enumerate(values):
        if place + 1 < len(values):
            yield from one(Edit(text.outer(value)[0], text.outer(values[place + 1])[0], ""))
        else:
            yield from one(Edit(text.outer(values[place - 1])[1], text.outer(value)[1], ""))


def dropped_filter(node: ast.comprehension, site: Site, scope: Scope) -> Proposals:
    """`[a for a in b if c]` → `[a for a in b]`."""
    if node.ifs:
        yield from one(Edit(scope.text.outer(node.iter)[1], scope.text.outer(node.ifs[-1])[1], ""))


def swapped_connective(node: ast.BoolOp, site: Site, scope: Scope) -> Proposals:
    """`a and b` → `a or b`."""
    old, new = (r"\band\b", "or") if isinstance(node.op, ast.And) else (r"\bor\b", "and")
    for left, right in zip(node.values, node.values[1:], strict=False):
        yield from one(between(scope, left, right, old, new))


def empty_for_none(node: ast.Compare, site: Site, scope: Scope) -> Proposals:
    """`a is None` → `not a`, `a is not None` → `a`, `a == ''` → `not a`."""
    if len(node.ops) != 1 or not isinstance(node.left, _PLAIN):
        return
    left, right, operator = scope.text.of(node.left), scope.text.of(node.comparators[0]), node.ops[0]
    if (isinstance(operator, ast.Is) and right == "None") or (isinstance(operator, ast.Eq) and right in _EMPTY):
        yield from one(scope.text.replace(node, f"not {left}"))
    if (isinstance(operator, ast.IsNot) and right == "None") or (isinstance(operator, ast.NotEq) and right in _EMPTY):
        yield from one(scope.text.replace(node, left))


def none_for_empty(node: Tested, site: Site, scope: Scope) -> Proposals:
    """`if a:` → `if a is not None:`, `if not a:` → `if a is None:`."""
    for test in node.ifs if isinstance(node, ast.comprehension) else [node.test]:
        bare = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else test
        if isinstance(bare, ast.Name | ast.Attribute | ast.Subscript):
            word = "is not None" if bare is test else "is None"
            yield from one(scope.text.replace(test, f"{scope.text.of(bare)} {word}"))


def coerced(node: ast.Return | ast.Assign, site: Site, scope: Scope) -> Proposals:
    """`return a` → `return a or None`, `b = a` → `b = a or None`."""
    if isinstance(node.value, _PLAIN | ast.IfExp):
        text = scope.text.of(node.value)
        choice = isinstance(node.value, ast.IfExp)
        yield from one(scope.text.replace(node.value, f"({text}) or None" if choice else f"{text} or None"))


def missing_fallback(node: ast.BoolOp, site: Site, scope: Scope) -> Proposals:
    """`a or b` → `a` where a value is wanted, not a truth."""
    if isinstance(node.op, ast.Or) and isinstance(site.parent, ast.Assign | ast.Return | ast.Call | ast.keyword):
        yield from one(in_place(scope, node, site.parent, node.values[0]))


def missing_guard(node: ast.If, site: Site, scope: Scope) -> Proposals:
    """`if a is None: return` → nothing."""
    last = node.body[-1]
    if not node.orelse and (isinstance(last, _LEAVING) or len(node.body) == 1):
        yield from one(without(scope, node))


def missing_choice(node: ast.IfExp, site: Site, scope: Scope) -> Proposals:
    """`a if c else b` → `a`, `b`."""
    for part in (node.body, node.orelse):
        yield from one(in_place(scope, node, site.parent, part))


def narrowed_types(node: ast.Call, site: Site, scope: Scope) -> Proposals:
    """`isinstance(a, (B, C))` → `isinstance(a, B)`, `isinstance(a, C)`."""
    named = isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass")
    if named and len(node.args) == 2 and isinstance(node.args[1], ast.Tuple):
        for kind in node.args[1].elts:
            yield from one(in_place(scope, node.args[1], node, kind))
