"""Turns a function's definition into a text that formatting, comments, docstrings and local names do not change.

Two functions have the same text if they differ only in their own name, the names of their parameters and locals,
decorators, annotations, docstrings, comments and layout. Attributes, globals, keywords of other calls and constants
count. Limits: a name that the function binds anywhere inside it is renamed everywhere inside it, so a function in
which one name is both a global and the local of an inner function may be taken for another one.
"""

from __future__ import annotations

import ast
import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Any

from pytest_cereval.source.functions import FunctionNode

OWN_NAME = "$own"
_PLACEHOLDER = re.compile(r"\$\d+")
_RECEIVERS = frozenset({"self", "cls"})
_Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Shape:
    """A body's digest (SHA-256 of its normal form), and checksums of its lines with all local names alike."""

    digest: str
    lines: tuple[int, ...]


def normal_form(node: FunctionNode) -> str:
    """The text that stands for this function's behaviour as written; locals are `$0`, `$1`, ... in order of use."""
    plain = _Strip().visit(_copied(node))
    return ast.unparse(_Rename(plain).visit(plain))


def _copied(value: Any) -> Any:
    """What `copy.deepcopy` gives for a syntax tree, in a third of the time."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if not isinstance(value, ast.AST):
        return value
    made = value.__class__(**{name: _copied(getattr(value, name, None)) for name in value._fields})
    return ast.copy_location(made, value)


def shape(node: FunctionNode) -> Shape:
    """The digest of the normal form, and what two versions of one function can be compared by."""
    text = normal_form(node)
    lines = _PLACEHOLDER.sub("$", text).splitlines()[1:]
    return Shape(
        hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(),
        tuple(zlib.crc32(line.strip().encode(errors="surrogatepass")) for line in lines),
    )


def bound_names(node: FunctionNode) -> frozenset[str]:
    """Names that a function or anything inside it binds: not globals, and not the attributes of an inner class."""
    bound: set[str] = set()
    foreign: set[str] = set()
    for item in ast.walk(node):
        if isinstance(item, ast.ClassDef):
            foreign |= _class_attributes(item)
        if isinstance(item, ast.Global | ast.Nonlocal):
            foreign |= set(item.names) if isinstance(item, ast.Global) else set()
        elif isinstance(item, ast.alias):
            name = item.asname or item.name
            (foreign if item.asname is None and "." in name else bound).add(name.partition(".")[0])
        elif item is not node:
            bound |= _bound_by(item)
    return frozenset(bound - foreign)


def _bound_by(item: ast.AST) -> set[str]:
    name: str | None = None
    if isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load):
        name = item.id
    elif isinstance(item, ast.arg):
        name = item.arg
    elif isinstance(item, _Documented | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        name = item.name
    elif isinstance(item, ast.MatchMapping):
        name = item.rest
    return {name} if name else set()


def _class_attributes(node: ast.ClassDef) -> set[str]:
    found: set[str] = set()
    waiting: list[ast.AST] = [*node.body]
    while waiting:
        item = waiting.pop()
        found |= _bound_by(item)
        if not isinstance(item, _Documented | ast.Lambda):
            waiting += ast.iter_child_nodes(item)
    return found


class _Strip(ast.NodeTransformer):
    """Takes away docstrings, annotations of functions and their locals, decorators of the function itself."""

    def __init__(self) -> None:
        self._outermost = True
        self._in_class = False

    def _function(self, node: FunctionNode) -> FunctionNode:
        if self._outermost:
            node.decorator_list = []
            self._outermost = False
        outside, self._in_class = self._in_class, False
        node.returns = node.type_comment = None
        self._undocument(node)
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        self._in_class = outside
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        outside, self._in_class = self._in_class, True
        self._undocument(node)
        self.generic_visit(node)
        self._in_class = outside
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = node.type_comment = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        """`x: int = 1` → `x = 1`, except in a class, where annotations may be read."""
        self.generic_visit(node)
        if self._in_class:
            return node
        return None if node.value is None else ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        node.kind = None
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", True) == []:  # a block that held nothing but a bare annotation
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    @staticmethod
    def _undocument(node: _Documented) -> None:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]


class _Rename(ast.NodeTransformer):
    """Numbers what the function binds, in the order in which a walk over it meets the names."""

    def __init__(self, node: FunctionNode) -> None:
        self._root = node
        self._own = node.name
        self._bound = bound_names(node)
        self._numbers: dict[str, str] = {}
        self._parameters = {
            argument.arg for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        }

    def _new(self, name: str) -> str:
        if name in self._bound:
            return self._numbers.setdefault(name, f"${len(self._numbers)}")
        return OWN_NAME if name == self._own else name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._new(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._new(node.arg)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        """A method that calls itself through its receiver follows its own name."""
        if node.attr == self._own and isinstance(node.value, ast.Name) and node.value.id in _RECEIVERS:
            node.attr = OWN_NAME
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        itself = isinstance(node.func, ast.Name) and node.func.id == self._own and self._own not in self._bound
        self.generic_visit(node)
        for keyword in node.keywords if itself else ():
            if keyword.arg in self._parameters:
                keyword.arg = self._new(keyword.arg)
        return node

    def visit_alias(self, node: ast.alias) -> ast.alias:
        local = node.asname or node.name
        if local in self._bound:
            node.asname = self._new(local)
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.Nonlocal:
        node.names = [self._new(name) for name in node.names]
        return node

    def _named(self, node: _Documented | ast.ExceptHandler | ast.MatchAs | ast.MatchStar) -> ast.AST:
        if node.name is not None:
            node.name = OWN_NAME if node is self._root else self._new(node.name)
        return self.generic_visit(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _named  # noqa: N815
    visit_ExceptHandler = visit_MatchAs = visit_MatchStar = _named  # noqa: N815

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        if node.rest is not None:
            node.rest = self._new(node.rest)
        return self.generic_visit(node)
