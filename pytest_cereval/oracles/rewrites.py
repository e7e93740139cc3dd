"""Turns a reference function into rewrites that keep its behaviour; a right oracle accepts them all."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from pytest_cereval.oracles.variants import Skeleton, Variant, with_body
from pytest_cereval.source.functions import FunctionNode, without_docstring

_REFLECTION = {"locals", "vars", "eval", "exec", "dir"}
_SUFFIX = "_rewritten"


def rewrites(node: FunctionNode, skeleton: Skeleton) -> Iterator[Variant]:
    """Each kind of rewrite that changes this function at all."""
    plain = skeleton.source(node)
    for label, rewrite in REWRITES:
        source = skeleton.source(rewrite(node))
        if source != plain:
            yield Variant("rewrite", label, node.lineno, source)


def rename_locals(node: FunctionNode) -> FunctionNode:
    """`x = 1; return x` → `x_rewritten = 1; return x_rewritten`; not where names can be reflected on."""
    if any(isinstance(item, ast.Name) and item.id in _REFLECTION for item in ast.walk(node)):
        return node
    arguments = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    body = without_docstring(node)
    names = {name for part in body for item in ast.walk(part) for name in _stored(item)}
    inner = {name for part in body for item in ast.walk(part) for name in _bound_elsewhere(item)}
    local = names - arguments - inner
    changed = copy.deepcopy(node)
    for item in ast.walk(changed):
        if isinstance(item, ast.Name) and item.id in local:
            item.id += _SUFFIX
    return changed


def _stored(item: ast.AST) -> Iterator[str]:
    if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
        yield item.id


def _bound_elsewhere(item: ast.AST) -> Iterator[str]:
    """Names that another construct binds or declares, so that renaming `Name` nodes alone would miss them."""
    if isinstance(item, ast.Global | ast.Nonlocal):
        yield from item.names
    elif isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield item.name
        yield from (inner.id for inner in ast.walk(item) if isinstance(inner, ast.Name))
        yield from (inner.arg for inner in ast.walk(item) if isinstance(inner, ast.arg))
    elif isinstance(item, ast.Lambda):
        yield from (inner.arg for inner in ast.walk(item.args) if isinstance(inner, ast.arg))
    elif isinstance(item, ast.ExceptHandler) and item.name:
        yield item.name
    elif isinstance(item, ast.alias):
        yield item.asname or item.name.partition(".")[0]
    elif isinstance(item, ast.MatchAs | ast.MatchStar) and item.name:
        yield item.name
    elif isinstance(item, ast.MatchMapping) and item.rest:
        yield item.rest


def swap_branches(node: FunctionNode) -> FunctionNode:
    """`if a: x else: y` → `if not a: y else: x`."""

    class Swap(ast.NodeTransformer):
        def visit_If(self, item: ast.If) -> ast.If:
            self.generic_visit(item)
            if not item.orelse:
                return item
            return ast.If(ast.UnaryOp(ast.Not(), item.test), item.orelse, item.body)

    changed: FunctionNode = Swap().visit(copy.deepcopy(node))
    return changed


def extract_result(node: FunctionNode) -> FunctionNode:
    """`return a` → `result_rewritten = a; return result_rewritten`."""

    class Extract(ast.NodeTransformer):
        def visit_FunctionDef(self, item: ast.FunctionDef) -> ast.FunctionDef:
            return item

        visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef  # type: ignore[assignment]  # noqa: N815

        def visit_Return(self, item: ast.Return) -> list[ast.stmt]:
            if item.value is None:
                return [item]
            name = f"result{_SUFFIX}"
            assign = ast.Assign([ast.Name(name, ast.Store())], item.value)
            return [assign, ast.Return(ast.Name(name, ast.Load()))]

    body: list[ast.stmt] = []
    for statement in copy.deepcopy(without_docstring(node)):
        changed = Extract().visit(statement)
        body += changed if isinstance(changed, list) else [changed]
    return with_body(node, body)


REWRITES = (
    ("locals renamed", rename_locals),
    ("branches swapped", swap_branches),
    ("result extracted", extract_result),
)
