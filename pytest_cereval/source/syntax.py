"""Parses Python text quietly: what a foreign file would be warned about is not this run's business."""

from __future__ import annotations

import ast
import threading
import warnings

# The list of warning filters belongs to the whole process, so two threads must not change and restore it at once.
_QUIET = threading.Lock()


def parse(source: str | bytes, filename: str = "<source>") -> ast.Module:
    """The syntax tree; raises what `ast.parse` raises, and never warns."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source, filename=filename)
