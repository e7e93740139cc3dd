"""Faults in values: constants, variables, arguments, defaults, arithmetic, and what is shared instead of copied."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from pytest_cereval.categories.understanding.editing import Edit
from pytest_cereval.categories.understanding.operator import Proposal, Proposals, between, one
from pytest_cereval.categories.understanding.precedence import exchanged, in_place
from pytest_cereval.categories.understanding.sites import Scope, Site

_COPIES = {"list", "dict", "set", "tuple", "copy", "deepcopy"}
_CONVERSIONS = {"str", "int", "float", "bool", "sorted", "abs", "repr", "bytes", "frozenset", "reversed"}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: (r"-", "+"),
    ast.Mult: (r"\*", "+"),
    ast.Div: (r"/", "//"),
    ast.FloorDiv: (r"//", "/"),
    ast.Mod: (r"%", "//"),
    ast.BitAnd: (r"&", "|"),
    ast.BitOr: (r"\|", "&"),
    ast.BitXor: (r"\^", "|"),
}
_PAIRS = (
    *(("any", "all"), ("min", "max"), ("startswith", "endswith"), ("append", "extend"), ("lstrip", "rstrip")),
    *(("split", "rsplit"), ("find", "rfind"), ("index", "rindex"), ("union", "intersection"), ("floor", "ceil")),
    *(("issubset", "issuperset"), ("upper", "lower"), ("isdigit", "isalnum")),
)
_SISTERS = {name: other for pair in _PAIRS for name, other in (pair, pair[::-1])}


def off_by_one(node: ast.Constant, site: Site, scope: Scope) -> Proposals:
    """`a[1:]` → `a[2:]`, `range(3)` → `range(2)`, `a + 1` → `a + 2`."""
    if type(node.value) is int and _counts(site):
        for value in (node.value + 1, node.value - 1):
            if value >= 0:
                yield from one(scope.text.replace(node, str(value)))


def _counts(site: Site) -> bool:
    """Whether a number is a place, a bound or a step."""
    parent = site.parent
    called = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in ("range", "len")
    return called or isinstance(parent, ast.Slice | ast.Subscript | ast.BinOp | ast.Compare | ast.UnaryOp)


def dropped_step(node: ast.BinOp, site: Site, scope: Scope) -> Proposals:
    """`a + 1` → `a`, `len(a) - 1` → `len(a)`."""
    right = node.right
    if isinstance(node.op, ast.Add | ast.Sub) and isinstance(right, ast.Constant) and type(right.value) is int:
        yield from one(in_place(scope, node, site.parent, node.left))


def wrong_constant(node: ast.Constant, site: Site, scope: Scope) -> Proposals:
    """`True` → `False`, `5` → `6`, `'type'` → another text of the same function."""
    value = node.value
    if isinstance(value, bool):
        yield from one(scope.text.replace(node, str(not value)))
    elif isinstance(value, int | float) and not _counts(site):
        yield from one(scope.text.replace(node, repr(value + 1)))
    elif isinstance(value, str) and not isinstance(site.parent, ast.Expr):
        for other in scope.texts[:_MANY]:
            if other != value:
                yield from one(scope.text.replace(node, _quoted(other, scope.text.of(node))))
    elif value is None and isinstance(site.parent, ast.Return | ast.Call | ast.keyword):
        yield from one(scope.text.replace(node, "False"))


_MANY = 4


def _quoted(value: str, like: str) -> str:
    """A string in the quotes that the old one had."""
    text = repr(value)
    return f'"{text[1:-1]}"' if like.startswith('"') and text[0] == "'" and '"' not in text else text


def emptied(node: ast.Return, site: Site, scope: Scope) -> Proposals:
    """`return []` → `return None`, `return None` → `return []`, `return ()` → `return []`."""
    if node.value is not None:
        text = scope.text.of(node.value)
        if text in ("[]", "{}", "()", "''", '""', "set()", "dict()", "list()"):
            yield from one(scope.text.replace(node.value, "None"))
        elif text == "None":
            yield from one(scope.text.replace(node.value, "[]"))


def wrong_variable(node: ast.Name, site: Site, scope: Scope) -> Proposals:
    """`a` → `b` where both are bound alike."""
    if isinstance(node.ctx, ast.Load):
        for other in scope.others(node.id):
            yield from one(scope.text.replace(node, other))


def wrong_attribute(node: ast.Attribute, site: Site, scope: Scope) -> Proposals:
    """`self.a` → `self.b` where the function reads both."""
    called = isinstance(site.parent, ast.Call) and site.parent.func is node
    if node.attr in scope.attributes and isinstance(node.value, ast.Name) and not called:
        for other in scope.attributes[:_MANY]:
            if other != node.attr and isinstance(node.ctx, ast.Load):
                yield from one(scope.text.replace(node, f"{scope.text.of(node.value)}.{other}"))


def swapped_arguments(node: ast.Call, site: Site, scope: Scope) -> Proposals:
    """`f(a, b)` → `f(b, a)`."""
    if not any(isinstance(argument, ast.Starred) for argument in node.args):
        for left, right in zip(node.args, node.args[1:], strict=False):
            yield from one(*exchanged(scope, node, left, right))


def swapped_values(node: ast.Tuple, site: Site, scope: Scope) -> Proposals:
    """`return a, b` → `return b, a`."""
    if isinstance(node.ctx, ast.Load) and len(node.elts) == 2 and not isinstance(site.parent, ast.Compare | ast.Call):
        yield from one(*exchanged(scope, node, *node.elts))


def swapped_operands(node: ast.BinOp, site: Site, scope: Scope) -> Proposals:
    """`a - b` → `b - a`."""
    if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow | ast.Add):
        yield from one(*exchanged(scope, node, node.left, node.right))


def wrong_arithmetic(node: ast.BinOp, site: Site, scope: Scope) -> Proposals:
    """`a + b` → `a - b`."""
    if type(node.op) in _ARITHMETIC:
        yield from one(between(scope, node.left, node.right, *_ARITHMETIC[type(node.op)]))


def overwritten(node: ast.AugAssign, site: Site, scope: Scope) -> Proposals:
    """`a += b` → `a = b`."""
    start, end = scope.text.end(node.target), scope.text.start(node.value)
    found = re.search(r"\S{1,3}=", scope.text.text[start:end])
    if found is not None:
        yield from one(Edit(start + found.start(), start + found.end(), "="))


def sister_function(node: ast.Call, site: Site, scope: Scope) -> Proposals:
    """`any(a)` → `all(a)`, `a.startswith(b)` → `a.endswith(b)`."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in _SISTERS:
        end = scope.text.end(node.func)
        yield from one(Edit(end - len(name), end, _SISTERS[name]))


def wrong_collection(node: ast.Call, site: Site, scope: Scope) -> Proposals:
    """`a.keys()` → `a.values()`, `a.values()` → `a.keys()`."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("keys", "values") and not node.args:
        end = scope.text.end(node.func)
        other = "values" if node.func.attr == "keys" else "keys"
        yield from one(Edit(end - len(node.func.attr), end, other))


def without_first(node: ast.For | ast.AsyncFor | ast.comprehension, site: Site, scope: Scope) -> Proposals:
    """`for a in b` → `for a in list(b)[1:]`."""
    if isinstance(node, ast.AsyncFor) or (isinstance(node, ast.comprehension) and node.is_async):
        return
    yield from one(scope.text.replace(node.iter, f"list({_as_item(node.iter, scope)})[1:]"))


def shared(node: ast.Call | ast.Subscript, site: Site, scope: Scope) -> Proposals:
    """`list(a)` → `a`, `a.copy()` → `a`, `a[:]` → `a`."""
    if isinstance(node, ast.Subscript):
        part = node.slice
        if isinstance(part, ast.Slice) and not (part.lower or part.upper or part.step):
            yield from one(in_place(scope, node, site.parent, node.value))
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "copy" and not node.args:
        yield from one(in_place(scope, node, site.parent, node.func.value))
    elif _callee(node) in _COPIES and len(node.args) == 1 and not node.keywords:
        yield from one(in_place(scope, node, site.parent, node.args[0]))


def unconverted(node: ast.Call, site: Site, scope: Scope) -> Proposals:
    """`str(a)` → `a`, `sorted(a)` → `a`."""
    if isinstance(node.func, ast.Name) and node.func.id in _CONVERSIONS and len(node.args) == 1:
        yield from one(in_place(scope, node, site.parent, node.args[0]))


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def wrong_default(node: ast.FunctionDef | ast.AsyncFunctionDef, site: Site, scope: Scope) -> Proposals:
    """`def f(a=1)` → `def f(a=2)`."""
    if node is not scope.text.node:
        return
    positional = [*node.args.posonlyargs, *node.args.args]
    pairs = [*zip(positional[len(positional) - len(node.args.defaults) :], node.args.defaults, strict=True)]
    pairs += [(name, value) for name, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value]
    for argument, default in pairs:
        for value in _other_defaults(default):
            edit = scope.text.replace(default, repr(value))
            yield Proposal((edit,), everywhere=True, defaults=((argument.arg, value),))


def _other_defaults(default: ast.expr) -> Iterator[Any]:
    if isinstance(default, ast.Constant):
        value = default.value
        if isinstance(value, bool):
            yield not value
        elif isinstance(value, int | float):
            yield value + 1
        elif value is None:
            yield from (False, "")
        elif isinstance(value, str):
            yield None if value else " "


def missing_key(node: ast.Call | ast.Subscript, site: Site, scope: Scope) -> Proposals:
    """`a.get(k, d)` → `a.get(k)`, `a.get(k)` → `a[k]`, `a[k]` → `a.get(k)`, `a.pop(k, d)` → `a.pop(k)`."""
    text = scope.text
    if isinstance(node, ast.Subscript):
        if isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Slice | ast.UnaryOp):
            number = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)
            if not number:
                yield from one(text.replace(node, f"{text.of_outer(node.value)}.get({_as_item(node.slice, scope)})"))
    elif isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop") and not node.keywords:
        holder = text.of_outer(node.func.value)
        if len(node.args) == 2:
            yield from one(Edit(text.outer(node.args[0])[1], text.outer(node.args[1])[1], ""))
        elif len(node.args) == 1 and node.func.attr == "get" and not isinstance(node.args[0], ast.Starred):
            yield from one(text.replace(node, f"{holder}[{text.of(node.args[0])}]"))


def _as_item(node: ast.expr, scope: Scope) -> str:
    """An expression's text as the only argument of a call: a row of items without parentheses would be several."""
    written = scope.text.of(node)
    items = node.elts if isinstance(node, ast.Tuple) else []
    bare = bool(items) and scope.text.start(node) == scope.text.outer(items[0])[0]
    return f"({written})" if bare else written


def falsy_key(node: ast.Compare, site: Site, scope: Scope) -> Proposals:
    """`k in a` → `a.get(k)`, `k not in a` → `not a.get(k)`."""
    if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
        holder = node.comparators[0]
        if isinstance(holder, ast.Name | ast.Attribute | ast.Subscript):
            word = "" if isinstance(node.ops[0], ast.In) else "not "
            yield from one(scope.text.replace(node, f"{word}{scope.text.of(holder)}.get({scope.text.of(node.left)})"))
