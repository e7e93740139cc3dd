"""Notes which functions of the repository are run, by this process and all its forks. Standard library only.

Each function begins by noting its number in memory that forks share. So it is known as well what a fork ran that was
stopped or died. The notes stand in the tree that is compiled, at the line of the first statement: nothing else changes.
"""

from __future__ import annotations

import ast
import builtins
import importlib.machinery
import mmap
import os
import types
from typing import Any

NAME = "__cereval_ran__"
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef)


class Ran:
    """The notes on the functions at these places, as file and line of the `def`; the numbers are those of the list."""

    def __init__(self, places: list[list[Any]]) -> None:
        self._numbers: dict[str, dict[int, int]] = {}
        for number, (file, line) in enumerate(places):
            for name in (file, os.path.realpath(file)):
                self._numbers.setdefault(name, {})[line] = number
        self._notes = mmap.mmap(-1, max(1, len(places)))
        self._empty = bytes(len(self._notes))
        self._told = self._empty

    def watch(self) -> None:
        """Note what is run of all modules that are imported from now on."""
        setattr(builtins, NAME, self._notes)
        loader = importlib.machinery.SourceFileLoader
        before = loader.get_code
        marked = self._marked

        def get_code(self: Any, fullname: str) -> types.CodeType | None:
            path = self.get_filename(fullname)
            code = marked(self, path)
            return before(self, fullname) if code is None else code

        loader.get_code = get_code  # type: ignore[method-assign]

    def _marked(self, loader: Any, path: str) -> types.CodeType | None:
        numbers = self._numbers.get(path)
        if numbers is None:
            return None
        tree = ast.parse(loader.get_data(path), path)
        for node in ast.walk(tree):
            if isinstance(node, _Definition) and node.lineno in numbers:
                node.body[_documented(node) : _documented(node)] = [_note(numbers[node.lineno], node)]
        return compile(tree, path, "exec", dont_inherit=True)

    def clear(self) -> None:
        """Forget all notes."""
        self._notes[:] = self._empty
        self._told = self._empty

    def news(self) -> list[int]:
        """The numbers that were noted since this was last asked."""
        found = self._notes[:]
        if found == self._told:
            return []
        new = [number for number, noted in enumerate(found) if noted and not self._told[number]]
        self._told = found
        return new


def _documented(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return int(ast.get_docstring(node, clean=False) is not None)


def _note(number: int, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    """`__cereval_ran__[number] = 1`, at the line of the first statement."""
    first = node.body[min(_documented(node), len(node.body) - 1)]
    place = ast.Subscript(ast.Name(NAME, ast.Load()), ast.Constant(number), ast.Store())
    note = ast.Assign([place], ast.Constant(1))
    for item in ast.walk(note):
        ast.copy_location(item, first)
    return note
