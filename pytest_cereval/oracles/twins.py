"""Turns files of tests into twins that must fail: the same text with one expectation changed in each chosen test.

A test that compares gets something else to compare with, another assertion is negated, an expected exception is
another one. Where a test asserts nothing itself, the helpers that it calls by name are changed instead. Lines and
everything else stay as they are, so that a session cannot easily tell which of the two it runs.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.source.files import python_files_of_tests
from pytest_cereval.source.functions import FunctionNode
from pytest_cereval.source.syntax import parse

_OTHER_EXCEPTION = "ZeroDivisionError"
_MAX_HELPERS = 20
# What to put around, or in place of, the argument of this number; `{}` is its text.
_ARGUMENTS = {
    "assertEqual": (1, "[{}]"),
    "assertListEqual": (1, "[{}]"),
    "assertDictEqual": (1, "{{'twin': {}}}"),
    "assertTrue": (0, "not ({})"),
    "assertFalse": (0, "not ({})"),
    "assertIn": (1, "()"),
    "assertIs": (1, "[{}]"),
    "assertIsNone": (0, "[{}]"),
    "assertIsNotNone": (0, "None"),
    "assertIsInstance": (1, "()"),
    "assertAlmostEqual": (1, "({}) + 1"),
    "assertGreater": (0, "float('-inf')"),
    "assertGreaterEqual": (0, "float('-inf')"),
    "assertLess": (0, "float('inf')"),
    "assertLessEqual": (0, "float('inf')"),
    "assertRaises": (0, _OTHER_EXCEPTION),
    "raises": (0, _OTHER_EXCEPTION),
}


@dataclass(frozen=True, slots=True)
class Change:
    """Text to put in place of an expression."""

    node: ast.expr
    pattern: str


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    text: bytes
    module: ast.Module

    def functions(self) -> Iterator[FunctionNode]:
        """All functions but those in other functions."""
        waiting: list[ast.AST] = [self.module]
        while waiting:
            for child in ast.iter_child_nodes(waiting.pop()):
                if isinstance(child, FunctionNode):
                    yield child
                else:
                    waiting.append(child)


def twins(full: Path, tests: Sequence[str]) -> dict[str, bytes]:
    """The changed files by path relative to the full checkout, for the tests of these ids.

    Files that do not parse, and tests in which nothing can be changed, are left out.
    """
    paths = [path.as_posix() for path in python_files_of_tests(full)]
    files = {path: file for path in paths if (file := _read(full, path)) is not None}
    changes: dict[str, list[Change]] = {}
    helpers: dict[str, None] = {}
    for path, names in _wanted(tests).items():
        for function in files[path].functions() if path in files else ():
            if function.name in names:
                change = _change(function)
                if change is not None:
                    changes.setdefault(path, []).append(change)
                else:
                    helpers |= dict.fromkeys(_called(function))
    for file in files.values():
        for function in file.functions():
            if function.name in list(helpers)[:_MAX_HELPERS] and (change := _change(function)) is not None:
                changes.setdefault(file.path, []).append(change)
    return {path: _changed(files[path], found) for path, found in sorted(changes.items())}


def _wanted(tests: Sequence[str]) -> dict[str, set[str]]:
    """Names of test functions by file: `tests/a.py::Class::test_x[1]` → `test_x`."""
    found: dict[str, set[str]] = {}
    for test in tests:
        path, _, inner = test.partition("::")
        found.setdefault(path, set()).add(inner.partition("[")[0].rpartition("::")[2])
    return found


@functools.lru_cache(maxsize=4096)
def _read(full: Path, path: str) -> _File | None:
    try:
        text = (full / path).read_bytes()
        text.decode()
        return _File(path, text, parse(text))
    except (SyntaxError, ValueError, RecursionError, OSError):
        return None


def _change(function: FunctionNode) -> Change | None:
    """The change of the last expectation at the top of the body that can be changed, or of any that lies deeper."""
    found = [change for node in _ordered(function.body, deep=False) if (change := _of(node)) is not None]
    if not found:
        found = [change for node in _ordered(function.body, deep=True) if (change := _of(node)) is not None]
    return found[-1] if found else None


def _ordered(body: Sequence[ast.stmt], *, deep: bool) -> Iterator[ast.AST]:
    """Statements and calls in order; unless `deep`, only of blocks that are always gone through."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.Expr):
            yield statement.value
        if isinstance(statement, ast.With | ast.AsyncWith):
            yield from (item.context_expr for item in statement.items)
        if isinstance(statement, ast.With | ast.AsyncWith) or deep:
            for name in ("body", "orelse", "finalbody"):
                inner = getattr(statement, name, [])
                yield from _ordered(inner if isinstance(inner, list) else [], deep=deep)


def _of(node: ast.AST) -> Change | None:
    if isinstance(node, ast.Assert):
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
            return Change(test.comparators[0], "[{}]")
        return Change(test, "not ({})")
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    number, pattern = _ARGUMENTS.get(name, (0, ""))
    if not pattern or len(node.args) <= number or isinstance(node.args[number], ast.Starred):
        return None
    return Change(node.args[number], pattern)


def _called(function: FunctionNode) -> Iterator[str]:
    """Bare names of what a test calls."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _changed(file: _File, changes: Sequence[Change]) -> bytes:
    lines = file.text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = file.text
    for change in sorted(changes, key=lambda each: _place(each.node, starts), reverse=True):
        first, last = _place(change.node, starts)
        text = text[:first] + change.pattern.format(text[first:last].decode()).encode() + text[last:]
    return text


def _place(node: ast.expr, starts: Sequence[int]) -> tuple[int, int]:
    """Where an expression begins and ends, in bytes."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return starts[node.lineno - 1] + node.col_offset, starts[end_line - 1] + end_column
