"""Turns a function's file and a piece of the catalogue into a file with that in it: pure text work."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_cereval.categories.audit.carriers import Carrier
from pytest_cereval.categories.audit.feature import SINK, Code
from pytest_cereval.categories.audit.naming import Names
from pytest_cereval.oracles.blocks import split_lines
from pytest_cereval.source.functions import FunctionNode, SourceFunction, definition_in, first_line, without_docstring
from pytest_cereval.source.syntax import parse


class UnfitError(Exception):
    """Something cannot be planted in this function; the text says why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`lines` in the place of `count` lines from `line` on (1-based) of a file."""

    line: int
    count: int
    lines: tuple[str, ...]

    def to_list(self) -> list[object]:
        """JSON builtins only."""
        return [self.line, self.count, list(self.lines)]


@dataclass(frozen=True, slots=True)
class Twin:
    """A changed file: the `function` as it stands there, and the 1-based lines that an answer may point at."""

    source: str
    function: SourceFunction
    edits: tuple[Edit, ...]
    sink: tuple[int, ...]


def edited(original: str, edits: Sequence[Edit]) -> tuple[str, tuple[int, ...]]:
    """The text with all edits, none of which overlap, and the lines of it that were marked as sinks."""
    rows = [line.rstrip("\r\n") for line in split_lines(original)]
    result: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda each: each.line):
        result += rows[position : edit.line - 1]
        result += edit.lines
        position = edit.line - 1 + edit.count
    result += rows[position:]
    marked = tuple(number for number, row in enumerate(result, 1) if row.endswith(SINK))
    return "\n".join(row.removesuffix(SINK) for row in result) + "\n", marked


def from_edits(original: str, function: SourceFunction, edits: Sequence[Edit]) -> Twin:
    """The twin that edits make; raises `UnfitError` if the function is not in it any more."""
    source, sink = edited(original, edits)
    try:
        module = parse(source)
    except SyntaxError as error:
        raise UnfitError(f"the changed file does not parse: {error}") from error
    first = function.first_line + sum(
        len(edit.lines) - edit.count for edit in edits if edit.line <= function.first_line
    )
    node = definition_in(module, function.bare_name, first)
    if node is None:
        raise UnfitError("the function is not where it should be in the changed file")
    last = node.end_lineno or node.lineno
    text = "".join(split_lines(source)[first - 1 : last])
    moved = replace(function, first_line=first, def_line=node.lineno, last_line=last, source=text)
    return Twin(source, moved, tuple(edits), sink)


def planted(original: str, function: SourceFunction, code: Code, carrier: Carrier, names: Names) -> Twin:
    """The file with a piece of code added; raises `UnfitError` where there is no place for it."""
    module = parse(original)
    home, node = _found(module, function)
    body = _body(code, carrier, names)
    before = _first_statement(node, original)
    indentation = original_line(original, before)[: _width(original_line(original, before))]
    edits = [
        Edit(before, 0, tuple(f"{indentation}{row}" if row else "" for row in body)),
        *_setup(names.filled(code.setup), home),
        *_imports(code.imports, module, home),
    ]
    return from_edits(original, function, _merged(edits))


def taken_names(original: str) -> frozenset[str]:
    """Every name that a file mentions, and those of parameters and attributes."""
    found: set[str] = set()
    for node in ast.walk(parse(original)):
        names = (getattr(node, field, None) for field in ("id", "attr", "name", "arg", "asname"))
        found.update(name for name in names if isinstance(name, str))
    return frozenset(found)


def original_line(original: str, line: int) -> str:
    """One line of a text, by its 1-based number."""
    return split_lines(original)[line - 1]


def _merged(edits: Sequence[Edit]) -> list[Edit]:
    """Insertions at the same line as one, the ones for the top first."""
    by_line: dict[int, Edit] = {}
    for edit in reversed(edits):
        known = by_line.get(edit.line)
        by_line[edit.line] = Edit(edit.line, 0, (*known.lines, *edit.lines)) if known else edit
    return list(by_line.values())


def _found(module: ast.Module, function: SourceFunction) -> tuple[ast.stmt, FunctionNode]:
    for home in module.body:
        node = definition_in(home, function.bare_name, function.first_line)
        if node is not None:
            return home, node
    raise UnfitError("the function is not in its file")


def _body(code: Code, carrier: Carrier, names: Names) -> list[str]:
    text, value = code.body, carrier.expression
    if not carrier.simple and text.count("@value@") > 1:
        text, value = f"@label@ = {value}\n" + text.replace("@value@", "@label@"), value
    # The expression holds no `@`, so it may go in before the names do.
    return names.filled(text.replace("@value@", value)).rstrip("\n").split("\n")


def _first_statement(node: FunctionNode, original: str) -> int:
    body = without_docstring(node)
    if not body:
        raise UnfitError("the function has no statement to put something before")
    first = body[0]
    line = first_line(first) if isinstance(first, FunctionNode | ast.ClassDef) else first.lineno
    if line <= node.lineno or original_line(original, line)[: first.col_offset].strip():
        raise UnfitError("the function's first statement does not begin its line")
    return line


def _width(row: str) -> int:
    return len(row) - len(row.lstrip(" \t"))


def _setup(text: str, home: ast.stmt) -> list[Edit]:
    if not text:
        return []
    rows = text.strip("\n").split("\n")
    line = first_line(home) if isinstance(home, FunctionNode | ast.ClassDef) else home.lineno
    return [Edit(line, 0, (*rows, "", ""))]


def _imports(wanted: Sequence[str], module: ast.Module, home: ast.stmt) -> list[Edit]:
    """The imports that the file lacks, after its last one above the function."""
    known: dict[str, str] = {}
    last = None
    for statement in module.body:
        if statement is home:
            break
        if isinstance(statement, ast.Import | ast.ImportFrom):
            last = statement
            known |= {(alias.asname or alias.name): _meaning(statement, alias) for alias in statement.names}
    missing = []
    for text in wanted:
        (statement,) = parse(text).body
        assert isinstance(statement, ast.Import | ast.ImportFrom)  # noqa: S101 - the catalogue's own
        (alias,) = statement.names
        name, meaning = alias.asname or alias.name, _meaning(statement, alias)
        if known.get(name, meaning) != meaning:
            raise UnfitError(f"{name} means something else in this file")
        missing += [text] if name not in known else []
    if not missing:
        return []
    line = (last.end_lineno or last.lineno) + 1 if last else _top(module, home)
    return [Edit(line, 0, tuple(sorted(missing)))]


def _meaning(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    start = f"{'.' * statement.level}{statement.module}:" if isinstance(statement, ast.ImportFrom) else ""
    return f"{start}{alias.name}"


def _top(module: ast.Module, home: ast.stmt) -> int:
    """The line for imports in a file that has none above the function: after its docstring."""
    if ast.get_docstring(module, clean=False) is None or home is module.body[0]:
        return first_line(home) if isinstance(home, FunctionNode | ast.ClassDef) else home.lineno
    return (module.body[0].end_lineno or 1) + 1
