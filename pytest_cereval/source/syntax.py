"""Reads Python files, and parses their text quietly: what they would be warned about is not our business."""

from __future__ import annotations

import ast
import threading
import tokenize
import warnings
from pathlib import Path

# The list of warning filters belongs to the whole process, so two threads must not change and restore it at once.
_QUIET = threading.Lock()


def parse(source: str | bytes, filename: str = "<source>") -> ast.Module:
    """The syntax tree; raises what `ast.parse` raises, and never warns."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, filename=filename)


def source_text(path: Path) -> str:
    """A source file's text, in the encoding it declares."""
    with tokenize.open(path) as file:
        return file.read()
