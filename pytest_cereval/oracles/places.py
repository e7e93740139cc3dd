"""Turns a file and a function of it into the place where an answer's definition goes, found once for all answers.

A file with a definition in it is not parsed as a whole again: what lies beside the place is known to parse, so it is
left out, with its lines still there, when the result is looked at. Where that cannot be done line by line, as beside
a decorator in parentheses over several lines, the whole file is parsed each time.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_cereval.oracles.additions import Around, around
from pytest_cereval.oracles.blocks import parse, split_lines
from pytest_cereval.source.functions import FunctionNode, SourceFunction, definition_in, definition_of, first_line

_BODIES = ("body", "orelse", "finalbody")
_LISTED = ("handlers", "cases")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function stands in its file: `lines` are the file's, `top` the index of the first line of the top-level
    statement that holds it. Nothing in here is changed by anybody.
    """

    function: SourceFunction
    lines: tuple[str, ...]
    bare: tuple[str, ...]
    top: int
    prefix: str
    end: str
    around: Around
    reference: FunctionNode

    @property
    def decorators(self) -> list[str]:
        """The lines of the original's decorators, and of what stands between them."""
        function = self.function
        return [line.rstrip("\r\n") for line in self.lines[function.first_line - 1 : function.def_line - 1]]

    def line_of(self, before: Sequence[str], inside: Sequence[str]) -> int:
        """Where the definition begins once `before` and `inside` are in the file."""
        return self.function.first_line + len(before) + len(inside)

    def filled(self, before: Sequence[str], inside: Sequence[str], definition: Sequence[str]) -> str:
        """The file with the definition in the function's place, `before` above the statement that holds it and `inside`
        right above itself; all are lines without their ends.
        """
        return self._filled(self.lines, before, inside, definition)

    def problem(self, before: Sequence[str], inside: Sequence[str], definition: Sequence[str]) -> str:
        """Why `filled` is not a file with the function where `line_of` says, or nothing."""
        block = parse(self._filled(self.bare, before, inside, definition))
        if block.problem:
            return block.problem
        line, name = self.line_of(before, inside), self.function.bare_name
        if any(definition_in(statement, name, line) for statement in block.body if encloses(statement, line)):
            return ""
        return f"no {name} at line {line} once it is in its file"

    def _filled(
        self, lines: Sequence[str], before: Sequence[str], inside: Sequence[str], definition: Sequence[str]
    ) -> str:
        first = self.function.first_line - 1
        parts = [*lines[: self.top], *self._ended(before), *lines[self.top : first]]
        return "".join([*parts, *self._ended([*inside, *definition]), *lines[self.function.last_line :]])

    def _ended(self, lines: Sequence[str]) -> Iterator[str]:
        return (f"{line}{self.end}" for line in lines)


@functools.lru_cache(maxsize=256)
def place_of(function: SourceFunction, original: str) -> Place:
    """The place of `function` in `original`, the text of its file; raises `LookupError` if it is not there."""
    module = _parsed(original)
    home = next((item for item in module if encloses(item, function.first_line)), None)
    if home is None:
        raise LookupError(f"{function.name} is not at line {function.first_line} of the text given for its file")
    lines = _lines(original)
    definition = lines[function.def_line - 1]
    return Place(
        function=function,
        lines=lines,
        bare=_without_others(lines, module, function.first_line),
        top=statement_line(home) - 1,
        prefix=definition[: len(definition) - len(definition.lstrip(" \t\f"))],
        end="\r\n" if lines[0].endswith("\r\n") else "\n",
        around=around(function, module),
        reference=definition_of(home, function),
    )


def encloses(statement: ast.stmt, line: int) -> bool:
    """Whether a line is one of a statement's, decorators included."""
    return statement_line(statement) <= line <= (statement.end_lineno or statement.lineno)


def statement_line(statement: ast.stmt) -> int:
    """The first line of a statement, decorators included."""
    return first_line(statement) if isinstance(statement, FunctionNode | ast.ClassDef) else statement.lineno


@functools.lru_cache(maxsize=8)
def _parsed(original: str) -> tuple[ast.stmt, ...]:
    """The statements of a reference's file; nobody changes them."""
    return parse(original).body


@functools.lru_cache(maxsize=8)
def _lines(original: str) -> tuple[str, ...]:
    return tuple(split_lines(original))


def _without_others(lines: Sequence[str], module: Sequence[ast.stmt], line: int) -> tuple[str, ...]:
    """The lines, those of the statements beside the way to `line` empty.

    Of each block that is on the way the statement that leads on stays, so that no block becomes empty. Lines are whole:
    what holds a function is no simple statement, and only simple ones share lines.
    """
    kept = list(lines)
    body: Sequence[ast.stmt] = module
    while body:
        inner = next((item for item in body if encloses(item, line)), None)
        for statement in body:
            if statement is not inner:
                start, stop = statement_line(statement) - 1, statement.end_lineno or statement.lineno
                kept[start:stop] = [text[len(text.rstrip("\r\n")) :] for text in kept[start:stop]]
        body = () if inner is None or _begins_at(inner, line) else _leading_on(inner, line)
    return tuple(lines) if parse("".join(kept)).problem else tuple(kept)


def _begins_at(statement: ast.stmt, line: int) -> bool:
    """Whether the statement is what begins at a line, and not only what holds it."""
    return isinstance(statement, FunctionNode) and first_line(statement) == line


def _leading_on(statement: ast.AST, line: int) -> Sequence[ast.stmt]:
    """The block of a compound statement in which a line lies."""
    blocks = [getattr(statement, field, None) or [] for field in _BODIES]
    for field in _LISTED:
        blocks += [part.body for part in getattr(statement, field, None) or []]
    return next((block for block in blocks if any(encloses(item, line) for item in block)), ())
