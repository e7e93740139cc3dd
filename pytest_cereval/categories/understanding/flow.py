"""Faults in the flow of control: returns, loops, exceptions, and calls or updates that are forgotten."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from pytest_cereval.categories.understanding.editing import Edit
from pytest_cereval.categories.understanding.operator import Proposals, one, without
from pytest_cereval.categories.understanding.precedence import in_place
from pytest_cereval.categories.understanding.sites import Scope, Site
from pytest_cereval.oracles.mutants import is_silent_call

_NEIGHBOURS = {
    "ValueError": "TypeError",
    "TypeError": "ValueError",
    "KeyError": "IndexError",
    "IndexError": "KeyError",
    "AttributeError": "TypeError",
    "LookupError": "ValueError",
    "RuntimeError": "ValueError",
    "NotImplementedError": "RuntimeError",
    "StopIteration": "ValueError",
    "OSError": "ValueError",
    "FileNotFoundError": "PermissionError",
    "ZeroDivisionError": "OverflowError",
    "UnicodeDecodeError": "TypeError",
}
_ANY = "RuntimeError"
_DROPPABLE = {"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "items", "splitlines"}


def _block(site: Site, scope: Scope) -> Sequence[ast.stmt]:
    """The statements among which one stands."""
    holder = site.parent or scope.text.node
    for name in ("body", "orelse", "finalbody"):
        block = getattr(holder, name, None)
        if isinstance(block, list) and any(item is site.node for item in block):
            return block
    return ()


def early_return(node: ast.Return, site: Site, scope: Scope) -> Proposals:
    """A `return` behind a loop slips into it."""
    block = _block(site, scope)
    place = next((number for number, item in enumerate(block) if item is node), 0)
    before = block[place - 1] if place else None
    if isinstance(before, ast.For | ast.While) and node.lineno == node.end_lineno and not before.orelse:
        lines = scope.text.whole_lines(node)
        if lines is not None:
            inner = scope.text.indentation(before.body[-1])
            own = scope.text.indentation(node)
            yield from one(Edit(lines[0], lines[0] + len(own), inner), everywhere=True)


def missing_return(node: ast.Return, site: Site, scope: Scope) -> Proposals:
    """`return f(a)` → `f(a)`, and a `return` among other statements is gone."""
    if isinstance(node.value, ast.Call):
        yield from one(Edit(scope.text.start(node), scope.text.outer(node.value)[0], ""))
    elif len(_block(site, scope)) > 1:
        yield from one(without(scope, node))


def wrong_jump(node: ast.Continue | ast.Break, site: Site, scope: Scope) -> Proposals:
    """`continue` → `break`, `break` → `continue`."""
    yield from one(scope.text.replace(node, "break" if isinstance(node, ast.Continue) else "continue"))


def wrong_exception(node: ast.Raise, site: Site, scope: Scope) -> Proposals:
    """`raise ValueError(...)` → `raise TypeError(...)`."""
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    if isinstance(raised, ast.Name | ast.Attribute):
        name = scope.text.of(raised)
        if name[:1].isupper():
            yield from one(scope.text.replace(raised, _NEIGHBOURS.get(name, _ANY)))


def missing_raise(node: ast.Raise, site: Site, scope: Scope) -> Proposals:
    """`raise ValueError(...)` → `return`, and a `raise` among other statements is gone."""
    if len(_block(site, scope)) > 1:
        yield from one(without(scope, node))
    elif not site.inside((ast.FunctionDef, ast.AsyncFunctionDef)):
        yield from one(scope.text.replace(node, "return None"))


def caught_too_much(node: ast.ExceptHandler, site: Site, scope: Scope) -> Proposals:
    """`except KeyError:` → `except Exception:`."""
    if node.type is not None and scope.text.of(node.type) not in ("Exception", "BaseException"):
        yield from one(scope.text.replace(node.type, "Exception"), everywhere=True)


def caught_another(node: ast.ExceptHandler, site: Site, scope: Scope) -> Proposals:
    """`except KeyError:` → `except IndexError:`, `except (A, B):` → `except A:`."""
    if isinstance(node.type, ast.Tuple):
        for kind in node.type.elts:
            yield from one(in_place(scope, node.type, node, kind), everywhere=True)
    elif node.type is not None:
        name = scope.text.of(node.type)
        yield from one(scope.text.replace(node.type, _NEIGHBOURS.get(name, "ValueError")), everywhere=True)


def missing_statement(node: ast.Expr, site: Site, scope: Scope) -> Proposals:
    """`f(a)` → nothing."""
    value = node.value.value if isinstance(node.value, ast.Await) else node.value
    if isinstance(value, ast.Call) and not is_silent_call(value) and len(_block(site, scope)) > 1:
        yield from one(without(scope, node))


def missing_update(node: ast.Assign | ast.AugAssign | ast.Delete, site: Site, scope: Scope) -> Proposals:
    """`self.a = b` → nothing."""
    targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
    if all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets) and len(_block(site, scope)) > 1:
        yield from one(without(scope, node))


def missing_call(node: ast.Call, site: Site, scope: Scope) -> Proposals:
    """`a.strip()` → `a`."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in _DROPPABLE and not (node.args or node.keywords):
        yield from one(in_place(scope, node, site.parent, node.func.value))


def missing_await(node: ast.Await, site: Site, scope: Scope) -> Proposals:
    """`await a` → `a`."""
    yield from one(in_place(scope, node, site.parent, node.value))
