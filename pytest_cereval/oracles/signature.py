"""Turns two definitions of a function into their signatures, where these differ as far as a call can tell."""

from __future__ import annotations

import ast

from pytest_cereval.source.functions import FunctionNode

MAX_TEXT = 300


def mismatch(taken: FunctionNode, reference: FunctionNode) -> tuple[str, ...]:
    """`def f(x)` and the original's `def f(a, b)`, or nothing where both take the same calls.

    Compared are `async`, the parameters' names, kinds and order, and which of them may be left out. Annotations and the
    values of defaults are not part of it. A difference is no verdict: the calls may work all the same.
    """
    theirs, ours = _shape(taken), _shape(reference)
    return () if theirs == ours else (theirs[:MAX_TEXT], ours[:MAX_TEXT])


def _shape(node: FunctionNode) -> str:
    """The signature as text, with each default as an ellipsis."""
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    required = len(plain) - len(arguments.defaults)
    parts = [item.arg if number < required else f"{item.arg}=…" for number, item in enumerate(plain)]
    if arguments.posonlyargs:
        parts.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg:
        parts.append(f"*{arguments.vararg.arg}")
    elif arguments.kwonlyargs:
        parts.append("*")
    for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parts.append(item.arg if default is None else f"{item.arg}=…")
    if arguments.kwarg:
        parts.append(f"**{arguments.kwarg.arg}")
    prefix = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{prefix} {node.name}({', '.join(parts)})"
