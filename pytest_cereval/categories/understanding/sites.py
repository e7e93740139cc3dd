"""Turns a function's tree into the places where a fault may be put, each with what stands around it.

Text that the equality of observations never looks at is left alone, because a fault there could not be told from none:
docstrings, annotations, messages of exceptions and assertions, what is logged.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cereval.categories.understanding.editing import FunctionText
from pytest_cereval.oracles.mutants import is_silent_call
from pytest_cereval.source.functions import FunctionNode, without_docstring

_SKIPPED = {"annotation", "returns", "format_spec", "msg", "decorator_list"}
_RECEIVERS = ("self", "cls", "mcs")


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a function's names may be mistaken for each other.

    `groups` are names bound alike: the parameters, or the targets of one unpacking. `attributes` are those that the
    function reads of its receiver, `texts` its string constants.
    """

    text: FunctionText
    groups: tuple[tuple[str, ...], ...]
    attributes: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, text: FunctionText) -> Scope:
        """From a function's tree."""
        body = [item for statement in without_docstring(text.node) for item in ast.walk(statement)]
        tuples = [item for item in body if isinstance(item, ast.Tuple) and isinstance(item.ctx, ast.Store)]
        groups = [_parameters(text.node), *(_names(item) for item in tuples)]
        return cls(
            text,
            tuple(dict.fromkeys(group for group in groups if len(group) > 1)),
            tuple(dict.fromkeys(item.attr for item in body if _is_own(item))),  # type: ignore[attr-defined]
            tuple(dict.fromkeys(site.node.value for site in sites(text.node) if _is_text(site.node))),  # type: ignore[attr-defined]
        )

    def others(self, name: str) -> list[str]:
        """The names bound alike."""
        return [other for group in self.groups if name in group for other in group if other != name]


def _parameters(node: FunctionNode) -> tuple[str, ...]:
    """Parameters with the same annotation as any other, but for the receiver."""
    plain = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    kinds = {argument.arg: ast.unparse(argument.annotation) if argument.annotation else "" for argument in plain}
    shared = list(kinds.values())
    return tuple(name for name, kind in kinds.items() if name not in _RECEIVERS and shared.count(kind) > 1)


def _names(item: ast.Tuple) -> tuple[str, ...]:
    return tuple(part.id for part in item.elts if isinstance(part, ast.Name) and part.id != "_")


def _is_own(item: ast.AST) -> bool:
    return (
        isinstance(item, ast.Attribute)
        and isinstance(item.ctx, ast.Load)
        and isinstance(item.value, ast.Name)
        and item.value.id in _RECEIVERS
    )


def _is_text(item: ast.AST) -> bool:
    return isinstance(item, ast.Constant) and isinstance(item.value, str)


@dataclass(frozen=True, slots=True)
class Site:
    """A node, the statement it is in, and the nodes around it, innermost first."""

    node: ast.AST
    statement: ast.stmt
    around: tuple[ast.AST, ...]

    @property
    def parent(self) -> ast.AST | None:
        """The node right around this one; None for a statement of the function itself."""
        return self.around[0] if self.around else None

    def inside(self, kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> bool:
        """Whether any node around this one is of a kind."""
        return any(isinstance(node, kind) for node in self.around)


def sites(node: FunctionNode) -> Iterator[Site]:
    """All places of a function's body, in the order of the text."""
    for statement in without_docstring(node):
        yield from _below(statement, statement, ())


def _below(node: ast.AST, statement: ast.stmt, around: tuple[ast.AST, ...]) -> Iterator[Site]:
    yield Site(node, statement, around)
    if isinstance(node, ast.Expr) and is_silent_call(node.value):
        return
    if isinstance(node, ast.JoinedStr | ast.Raise):
        return
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and name not in _SKIPPED:
                inner = child if isinstance(child, ast.stmt) else statement
                yield from _below(child, inner, (node, *around))
