"""Turns a reference function into first-order mutants: one small, deliberate fault each.

The operators are a table of (node type, generator of replacements). Text that the equality of observations never
looks at is left alone, because a mutant there could not be told apart by any input: messages of exceptions,
warnings and log calls, docstrings and annotations.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from pytest_cereval.oracles.variants import Skeleton, Variant
from pytest_cereval.source.functions import FunctionNode, without_docstring

MAX_MUTANTS = 40
_SILENT_CALLS = {"warn", "warning", "debug", "info", "error", "exception", "critical", "log"}
_COMPARE: tuple[tuple[type[ast.cmpop], tuple[type[ast.cmpop], ...]], ...] = (
    (ast.Eq, (ast.NotEq,)),
    (ast.NotEq, (ast.Eq,)),
    (ast.Lt, (ast.LtE, ast.GtE)),
    (ast.LtE, (ast.Lt, ast.Gt)),
    (ast.Gt, (ast.GtE, ast.LtE)),
    (ast.GtE, (ast.Gt, ast.Lt)),
    (ast.Is, (ast.IsNot,)),
    (ast.IsNot, (ast.Is,)),
    (ast.In, (ast.NotIn,)),
    (ast.NotIn, (ast.In,)),
)
_ARITHMETIC: tuple[tuple[type[ast.operator], type[ast.operator]], ...] = (
    (ast.Add, ast.Sub),
    (ast.Sub, ast.Add),
    (ast.Mult, ast.FloorDiv),
    (ast.Div, ast.Mult),
    (ast.FloorDiv, ast.Mult),
    (ast.Mod, ast.Mult),
    (ast.Pow, ast.Mult),
    (ast.BitAnd, ast.BitOr),
    (ast.BitOr, ast.BitAnd),
    (ast.BitXor, ast.BitAnd),
    (ast.LShift, ast.RShift),
    (ast.RShift, ast.LShift),
)
Replacements = Iterator[tuple[str, ast.AST]]


def mutants(node: FunctionNode, skeleton: Skeleton, *, limit: int = MAX_MUTANTS) -> tuple[Variant, ...]:
    """At most `limit` mutants in order of line; which ones are kept depends on the text alone."""
    found = []
    for site, span in _sites(node):
        for label, replacement in _replacements(site):
            mutated = _replaced(node, site, replacement)
            found.append(Variant("mutant", label, getattr(site, "lineno", span[0]), skeleton.source(mutated), span))
    found += _defaults(node, skeleton)
    unique = {(variant.source, variant.defaults): variant for variant in found}
    kept = sorted(unique.values(), key=_rank)[:limit]
    return tuple(sorted(kept, key=lambda variant: (variant.line, variant.label, variant.source)))


def _rank(variant: Variant) -> bytes:
    return hashlib.sha256(f"{variant.source}{variant.defaults or ''}".encode()).digest()


def _defaults(node: FunctionNode, skeleton: Skeleton) -> Iterator[Variant]:
    """`def f(a=1)` → `def f(a=2)`: another value for each default that is a constant."""
    positional = [*node.args.posonlyargs, *node.args.args]
    pairs = [*zip(positional[len(positional) - len(node.args.defaults) :], node.args.defaults, strict=True)]
    pairs += [(name, value) for name, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value]
    source = skeleton.source(node)
    for argument, value in pairs:
        for label, changed in _constant(value) if isinstance(value, ast.Constant) else ():
            if isinstance(changed, ast.Constant) and not isinstance(changed.value, bytes):
                text = f"default of {argument.arg}: {label}"
                yield Variant("mutant", text, argument.lineno, source, defaults=((argument.arg, changed.value),))


def _sites(node: FunctionNode) -> Iterator[tuple[ast.AST, tuple[int, int]]]:
    """Nodes with the lines of the innermost statement around each, or of its head if it has a body."""
    for statement in without_docstring(node):
        yield from _visible(statement, _span(statement))


def _span(statement: ast.stmt) -> tuple[int, int]:
    body = getattr(statement, "body", None)
    if body:
        return statement.lineno, max(statement.lineno, body[0].lineno - 1)
    return statement.lineno, statement.end_lineno or statement.lineno


def _visible(node: ast.AST, span: tuple[int, int]) -> Iterator[tuple[ast.AST, tuple[int, int]]]:
    """A node and what lies in it, without annotations, messages and format specifications."""
    yield node, span
    if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and is_silent_call(node.value)):
        return
    skipped = {"annotation", "returns", "format_spec", "msg"}
    for name, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        for child in children:
            if isinstance(child, ast.AST) and name not in skipped:
                yield from _visible(child, _span(child) if isinstance(child, ast.stmt) else span)


def is_silent_call(value: ast.expr) -> bool:
    """Whether a statement only logs, warns or prints somewhere else: what equality never looks at."""
    if not isinstance(value, ast.Call):
        return False
    name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    elsewhere = name == "print" and any(keyword.arg == "file" for keyword in value.keywords)
    return name in _SILENT_CALLS or elsewhere


def _replacements(site: ast.AST) -> Replacements:
    for kind, operator in OPERATORS:
        if isinstance(site, kind):
            yield from operator(site)


def _replaced(item: ast.AST, site: ast.AST, replacement: ast.AST) -> Any:
    """A copy with another node in the place of one, that shares all which is not on the way there; None without it."""
    if item is site:
        return replacement
    for name, value in ast.iter_fields(item):
        parts = value if isinstance(value, list) else [value]
        for index, part in enumerate(parts):
            changed = _replaced(part, site, replacement) if isinstance(part, ast.AST) else None
            if changed is not None:
                copied = copy.copy(item)
                setattr(copied, name, [*parts[:index], changed, *parts[index + 1 :]] if value is parts else changed)
                return copied
    return None


def _compare(site: ast.Compare) -> Replacements:
    """`a < b` → `a <= b`, `a >= b`."""
    for index, operator in enumerate(site.ops):
        for kind, others in _COMPARE:
            if type(operator) is kind:
                for other in others:
                    ops = [*site.ops[:index], other(), *site.ops[index + 1 :]]
                    yield f"{kind.__name__} → {other.__name__}", ast.Compare(site.left, ops, site.comparators)


def _boolean(site: ast.BoolOp) -> Replacements:
    """`a and b` → `a or b`, and each operand left out."""
    other: ast.boolop = ast.Or() if isinstance(site.op, ast.And) else ast.And()
    yield f"{type(site.op).__name__} → {type(other).__name__}", ast.BoolOp(other, site.values)
    for index in range(len(site.values)):
        rest = [*site.values[:index], *site.values[index + 1 :]]
        yield f"operand {index + 1} removed", rest[0] if len(rest) == 1 else ast.BoolOp(site.op, rest)


def _negation(site: ast.UnaryOp) -> Replacements:
    """`not a` → `a`, `-a` → `a`."""
    if isinstance(site.op, ast.Not | ast.USub):
        yield f"{type(site.op).__name__} removed", site.operand


def _arithmetic(site: ast.BinOp | ast.AugAssign) -> Replacements:
    """`a + b` → `a - b`."""
    for kind, other in _ARITHMETIC:
        if type(site.op) is kind:
            changed = copy.copy(site)
            changed.op = other()
            yield f"{kind.__name__} → {other.__name__}", changed


def _constant(site: ast.Constant) -> Replacements:
    """`1` → `2`, `'a'` → `'a?'`, `True` → `False`."""
    value = site.value
    if isinstance(value, bool):
        yield f"{value} → {not value}", ast.Constant(not value)
    elif isinstance(value, int | float) and not isinstance(value, complex):
        yield f"{value!r:.20} + 1", ast.Constant(value + 1)
    elif isinstance(value, str):
        yield "text changed", ast.Constant(value + "?")
    elif isinstance(value, bytes):
        yield "text changed", ast.Constant(value + b"?")


def _slice(site: ast.Slice) -> Replacements:
    """`a[1:2]` → `a[:2]`, `a[1:]`."""
    if site.lower is not None:
        yield "start of slice removed", ast.Slice(None, site.upper, site.step)
    if site.upper is not None:
        yield "end of slice removed", ast.Slice(site.lower, None, site.step)


def _return(site: ast.Return) -> Replacements:
    """`return a` → `return None`."""
    if site.value is not None and not (isinstance(site.value, ast.Constant) and site.value.value is None):
        yield "return None", ast.Return(ast.Constant(None))


def _branch(site: ast.If | ast.While | ast.IfExp) -> Replacements:
    """`if a:` → `if not a:`."""
    changed = copy.copy(site)
    changed.test = ast.UnaryOp(ast.Not(), site.test)
    yield "branch negated", changed


def _call_removed(site: ast.Expr) -> Replacements:
    """`f()` as a statement → `pass`."""
    if isinstance(site.value, ast.Call) and not is_silent_call(site.value):
        yield "call removed", ast.Pass()


def _assignment_removed(site: ast.Assign | ast.AugAssign | ast.Delete) -> Replacements:
    """`a.b = c` → `pass`."""
    yield "assignment removed", ast.Pass()


def _raise(site: ast.Raise) -> Replacements:
    """`raise ValueError` → `raise ZeroDivisionError`, and → `pass`."""
    yield "exception type changed", ast.Raise(ast.Name("ZeroDivisionError", ast.Load()), None)
    yield "raise removed", ast.Pass()


def _jump(site: ast.Break | ast.Continue) -> Replacements:
    """`break` → `continue`, `continue` → `break`."""
    yield (("break → continue", ast.Continue()) if isinstance(site, ast.Break) else ("continue → break", ast.Break()))


OPERATORS: tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Callable[..., Replacements]], ...] = (
    (ast.Compare, _compare),
    (ast.BoolOp, _boolean),
    (ast.UnaryOp, _negation),
    ((ast.BinOp, ast.AugAssign), _arithmetic),
    (ast.Constant, _constant),
    (ast.Slice, _slice),
    (ast.Return, _return),
    ((ast.If, ast.While, ast.IfExp), _branch),
    (ast.Expr, _call_removed),
    ((ast.Assign, ast.AugAssign, ast.Delete), _assignment_removed),
    (ast.Raise, _raise),
    ((ast.Break, ast.Continue), _jump),
)
