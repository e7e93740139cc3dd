"""Turns the text of Python code into its tree, quietly and from one thread at a time."""

from __future__ import annotations

import ast
import threading
import warnings

# Two things belong to the whole process: the list of warning filters, and the depth that CPython keeps while it makes
# a tree. Another library may parse meanwhile, so an upset depth is tried again: it says nothing of the text.
# https://github.com/python/cpython/issues/106905
_ONE_AT_A_TIME = threading.Lock()
_TRIES = 20
_UPSET = "recursion depth mismatch"


def parse(source: str | bytes, filename: str = "<source>") -> ast.Module:
    """The syntax tree; raises what `ast.parse` raises for this text, and never warns."""
    return _tree(source, filename, "exec")  # type: ignore[return-value]


def parse_expression(source: str) -> ast.Expression:
    """The syntax tree of one expression, as `parse` makes that of a module."""
    return _tree(source, "<expression>", "eval")  # type: ignore[return-value]


def _tree(source: str | bytes, filename: str, mode: str) -> ast.AST:
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(_TRIES - 1):
            try:
                return ast.parse(source, filename, mode)
            except SystemError as error:
                if _UPSET not in str(error):
                    raise
        return ast.parse(source, filename, mode)
