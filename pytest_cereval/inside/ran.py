"""Notes which functions are run and which files are read, by this process and all its forks. Standard library only.

Each function begins by noting its number in memory that forks share. So it is known as well what a fork ran that was
stopped or died. Files are told by audit events. The notes on functions stand in the tree that is compiled, at the line
of the first statement: nothing else changes.
"""

from __future__ import annotations

import ast
import builtins
import importlib.machinery
import mmap
import os
import sys
import types
from pathlib import Path
from typing import Any

NAME = "__cereval_ran__"
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef)


class Ran:
    """The notes on the functions at these places, as file and line of the `def`, and on the files below `top`.

    The numbers are those of the list, and go on with the files as `files_below` has them.
    """

    def __init__(self, places: list[list[Any]], top: str = "") -> None:
        self._numbers: dict[str, dict[int, int]] = {}
        for number, (file, line) in enumerate(places):
            for name in (file, os.path.realpath(file)):
                self._numbers.setdefault(name, {})[line] = number
        files = files_below(top) if top else []
        self._files = {
            f"{folder}/{file}": len(places) + number
            for number, file in enumerate(files)
            for folder in (top, os.path.realpath(top))
        }
        self._notes = mmap.mmap(-1, max(1, len(places) + len(files)))
        self._empty = bytes(len(self._notes))
        self._told = self._empty

    def watch(self) -> None:
        """Note what is run of all modules that are imported from now on, and what is read; that never ends."""
        setattr(builtins, NAME, self._notes)
        loader = importlib.machinery.SourceFileLoader
        before = loader.get_code
        marked, noted = self._marked, self._note_all

        def get_code(self: Any, fullname: str) -> types.CodeType | None:
            path = self.get_filename(fullname)
            if type(self).source_to_code is not loader.source_to_code:
                # It makes something else of the text, which is not ours to change: all of it may run.
                noted(path)
                return before(self, fullname)
            code = marked(self, path)
            return before(self, fullname) if code is None else code

        loader.get_code = get_code  # type: ignore[method-assign]
        if self._files:
            sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "sqlite3.connect") or not isinstance(arguments[0], (str, bytes, os.PathLike)):
            return
        try:
            number = self._files.get(os.path.normpath(Path.cwd() / os.fsdecode(arguments[0])))
            if number is not None and not sys._getframe(1).f_code.co_filename.startswith("<frozen importlib"):
                self._notes[number] = 1
        except (OSError, ValueError):  # the current folder is gone; no frame above this one
            return

    def _note_all(self, path: str) -> None:
        for number in self._numbers.get(path, {}).values():
            self._notes[number] = 1

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


def files_below(top: str) -> list[str]:
    """All files below a folder, relative to it, sorted; no bytecode."""
    found = [f"{folder}/{name}" for folder, _, names in os.walk(top) for name in names]
    return sorted(file[len(top) + 1 :] for file in found if "/__pycache__/" not in file)


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
