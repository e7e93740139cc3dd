"""Reads Python files and parses their text, for all parts that know no `inside`."""

from __future__ import annotations

import tokenize
from pathlib import Path

from pytest_cereval.inside.syntax import parse as parse
from pytest_cereval.inside.syntax import parse_expression as parse_expression


def source_text(path: Path) -> str:
    """A source file's text, in the encoding it declares."""
    with tokenize.open(path) as file:
        return file.read()
