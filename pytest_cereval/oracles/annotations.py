"""Turns the text of an annotation into a type made of builtin ones, without executing anything."""

from __future__ import annotations

import ast
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_cereval.source.syntax import parse_expression

_NAMES: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "bytes": bytes,
    "None": type(None),
}
_GENERIC: dict[str, Any] = {
    "list": list,
    "List": list,
    "set": set,
    "Set": set,
    "frozenset": frozenset,
    "FrozenSet": frozenset,
    "dict": dict,
    "Dict": dict,
    "tuple": tuple,
    "Tuple": tuple,
    "Sequence": Sequence,
    "Iterable": Iterable,
    "Mapping": Mapping,
}


def type_of(annotation: str) -> Any:
    """The type, or None for one that is not made of builtin types alone, `Any` and bare containers included."""
    try:
        return _resolved(parse_expression(annotation).body)
    except (SyntaxError, ValueError, TypeError, RecursionError):
        return None


def _resolved(node: ast.expr) -> Any:
    """Raises `ValueError` for what is not known."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return type(None)
        if type(node.value) is str:
            return _resolved(parse_expression(node.value).body)
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return typing.Union[_resolved(node.left), _resolved(node.right)]  # noqa: UP007 - made at run time
    if isinstance(node, ast.Subscript):
        return _subscripted(_name(node.value), node.slice)
    raise ValueError(ast.unparse(node))


def _subscripted(name: str, inner: ast.expr) -> Any:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return typing.Literal[tuple(ast.literal_eval(part) for part in parts)]
    if name == "Optional":
        return typing.Optional[_resolved(inner)]  # noqa: UP045 - made at run time
    if name == "Union":
        return typing.Union[tuple(_resolved(part) for part in parts)]  # noqa: UP007 - made at run time
    if name in ("tuple", "Tuple") and isinstance(parts[-1], ast.Constant) and parts[-1].value is Ellipsis:
        return types.GenericAlias(tuple, (_resolved(parts[0]), Ellipsis))
    if name in _GENERIC:
        return types.GenericAlias(_GENERIC[name], tuple(_resolved(part) for part in parts))
    raise ValueError(name)


def _name(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
