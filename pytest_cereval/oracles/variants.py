"""Turns a reference function into variants of its body, such as stubs and one that reports its branches.

A variant is source text in which the function stands alone, inside empty copies of its classes, so that compiling
it gives a code object with the same free variables and name mangling as the original. Nothing of it is executed
except that code object.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.inside.trials import BRANCH_HOOK
from pytest_cereval.source.functions import (
    FunctionNode,
    SourceFunction,
    definition_of,
    first_line,
    is_generator,
    without_docstring,
)
from pytest_cereval.source.syntax import parse

STUB_BODIES = (
    "raise NotImplementedError",
    "pass",
    "return True",
    "return False",
    "return 0",
    "return ''",
    "return []",
    "return {}",
)


GENERATOR_STUB = "return\nyield"


@dataclass(frozen=True, slots=True)
class Variant:
    """`kind` is stub, mutant, rewrite or coverage; `label` says what was done, `line` where in the file.

    Only a call that reaches a line of `span`, first to last, can be told from the reference's; None where that is not
    known. `defaults` are parameters with another default, as JSON scalars.
    """

    kind: str
    label: str
    line: int
    source: str
    span: tuple[int, int] | None = None
    defaults: tuple[tuple[str, Any], ...] = ()


def find_node(tree: Path, function: SourceFunction) -> tuple[ast.Module, FunctionNode]:
    """The module and the definition that a `SourceFunction` describes; the file is known to parse."""
    module = parse((tree / function.path).read_bytes())
    return module, definition_of(module, function)


class Skeleton:
    """Puts a changed definition back among its enclosing classes, and nothing else."""

    def __init__(self, module: ast.Module, function: SourceFunction) -> None:
        self._future = [
            node for node in module.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        ]
        self._parents = function.parents
        self._uses_class = any(
            _uses_class(node)
            for node in ast.walk(module)
            if isinstance(node, FunctionNode) and first_line(node) == function.first_line
        )

    def source(self, node: FunctionNode) -> str:
        """The text of a module that holds only `node`, without its decorators."""
        alone = copy.copy(node)
        alone.decorator_list = []
        if self._uses_class and not _uses_class(node):
            # Never executed; the code object must have the same free variables to fit in the function's place.
            use = ast.If(ast.Constant(False), [ast.Expr(ast.Name("__class__", ast.Load()))], [])
            alone.body = [*alone.body, use]
        inner: ast.stmt = alone
        for parent in reversed(self._parents):
            inner = ast.ClassDef(name=parent, bases=[], keywords=[], body=[inner], decorator_list=[])
        return ast.unparse(ast.fix_missing_locations(ast.Module(body=[*self._future, inner], type_ignores=[])))


def _uses_class(node: ast.AST) -> bool:
    """Whether a function closes over the class around it, by `super()` or by name."""
    return any(isinstance(item, ast.Name) and item.id in ("super", "__class__") for item in ast.walk(node))


def stubs(node: FunctionNode, skeleton: Skeleton) -> Iterator[Variant]:
    """The function with each of `STUB_BODIES`, and a generator that yields nothing; a right oracle rejects them all."""
    for body in (*STUB_BODIES, GENERATOR_STUB) if is_generator(node) else STUB_BODIES:
        yield Variant("stub", body, node.lineno, skeleton.source(with_body(node, parse(body).body)))


def with_body(node: FunctionNode, body: list[ast.stmt]) -> FunctionNode:
    """A copy of the definition with its docstring kept and other statements after it."""
    changed = copy.copy(node)
    documented = len(node.body) - len(without_docstring(node))
    changed.body = [*node.body[:documented], *body]
    return changed


def branch_reporter(node: FunctionNode, skeleton: Skeleton) -> tuple[Variant, int]:
    """The function with every decision wrapped in a hook, and how many decisions there are."""
    changed = copy.deepcopy(node)
    wrapper = _BranchWrapper()
    changed.body = [wrapper.visit(statement) for statement in changed.body]
    return Variant("coverage", "branches", node.lineno, skeleton.source(changed)), wrapper.count


class _BranchWrapper(ast.NodeTransformer):
    """Wraps the tests of if, while, conditional expressions, assertions and comprehension filters."""

    def __init__(self) -> None:
        self.count = 0

    def _wrap(self, test: ast.expr) -> ast.expr:
        number = ast.Constant(self.count)
        self.count += 1
        return ast.Call(func=ast.Name(id=BRANCH_HOOK, ctx=ast.Load()), args=[number, test], keywords=[])

    def _visit_test(self, node: ast.If | ast.While | ast.IfExp | ast.Assert) -> ast.AST:
        self.generic_visit(node)
        node.test = self._wrap(node.test)
        return node

    visit_If = visit_While = visit_IfExp = visit_Assert = _visit_test  # noqa: N815

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.ifs = [self._wrap(test) for test in node.ifs]
        return node
