"""Turns edits of a function's source text into a changed text in which everything else stays as its author wrote it.

A function that was parsed and unparsed would lose its comments and its formatting, and so show where nothing was
touched. Here positions of the syntax tree become offsets in the text, and only what lies between two offsets changes.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.oracles.blocks import split_lines
from pytest_cereval.source.functions import FunctionNode, SourceFunction
from pytest_cereval.source.syntax import parse


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters from `start` up to `end` are replaced by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A changed text, and for each edit the lines (1-based) of it by which that edit may be named.

    Where an edit took lines away, nothing is left to point at: the nearest lines that are not blank, before and behind
    the gap, stand for it. The text ends with its last line that is not blank, as it is shown.
    """

    text: str
    lines: tuple[tuple[int, ...], ...]


class FunctionText:
    """The text of one function as it stands in its file, indented as there, with its tree.

    Line ends are those of a parsed text, `\\n`. Raises `SyntaxError` for what does not parse by itself.
    """

    def __init__(self, function: SourceFunction) -> None:
        self.text = function.source.replace("\r\n", "\n").replace("\r", "\n")
        self.node, self._above = parsed_function(self.text)
        self._lines = split_lines(self.text)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def offset(self, line: int, column: int) -> int:
        """The offset of a place in the tree: 1-based line, column in bytes of UTF-8."""
        number = line - self._above - 1
        prefix = self._lines[number].encode()[:column] if number < len(self._lines) else b""
        return self._starts[number] + len(prefix.decode())

    def start(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword | ast.ExceptHandler) -> int:
        """Where a node begins."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword | ast.ExceptHandler) -> int:
        """Where a node ends."""
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def of(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> str:
        """A node's own text."""
        return self.text[self.start(node) : self.end(node)]

    def replace(self, node: ast.expr | ast.stmt | ast.keyword, text: str) -> Edit:
        """Another text in a node's place."""
        return Edit(self.start(node), self.end(node), text)

    def whole_lines(self, node: ast.stmt) -> tuple[int, int] | None:
        """The offsets of a statement's lines with their ends; None where it shares a line with something else."""
        first, last = node.lineno - self._above - 1, (node.end_lineno or node.lineno) - self._above - 1
        before = self.text[self._starts[first] : self.start(node)]
        behind = self.text[self.end(node) : self._starts[last + 1]].strip()
        if before.strip() or (behind and not behind.startswith("#")):
            return None
        return self._starts[first], self._starts[last + 1]

    def outer(self, node: ast.expr) -> tuple[int, int]:
        """The offsets of an expression with all parentheses around it.

        Not for the only argument of a call, whose parentheses are the call's.
        """
        start, end = self.start(node), self.end(node)
        while True:
            left, right = _last_before(self.text, start), _first_behind(self.text, end)
            if self.text[left : left + 1] != "(" or self.text[right : right + 1] != ")":
                return start, end
            start, end = left, right + 1

    def of_outer(self, node: ast.expr) -> str:
        """A node's text with all parentheses around it; see `outer`."""
        start, end = self.outer(node)
        return self.text[start:end]

    def taken_out(self, node: ast.stmt) -> Edit | None:
        """A statement removed with its lines; None where it shares one with something else.

        Blank lines behind it go as well where they would now open a block or follow a blank line, and so tell.
        """
        place = self.whole_lines(node)
        if place is None:
            return None
        first, last = node.lineno - self._above - 1, (node.end_lineno or node.lineno) - self._above - 1
        before = self._lines[first - 1].strip() if first else ""
        if not before or (_opens_block(self.node, node) and not before.startswith("#")):
            while last + 1 < len(self._lines) and not self._lines[last + 1].strip():
                last += 1
        return Edit(place[0], self._starts[last + 1], "")

    def indentation(self, node: ast.stmt) -> str:
        """The white space before a statement."""
        line = self._lines[node.lineno - self._above - 1]
        return line[: len(line) - len(line.lstrip())]

    def line_in_file(self, line: int, function: SourceFunction) -> int:
        """The line of the file for a line of the tree."""
        return line - self._above + function.first_line - 1


def parsed_function(text: str) -> tuple[FunctionNode, int]:
    """The definition in a text that may be indented as a whole, and how many lines its tree counts too many.

    Raises `SyntaxError` for anything else.
    """
    above = 1 if text[:1].isspace() else 0
    module = parse(f"if True:\n{text}" if above else text)
    head = module.body[0] if module.body else None
    body = head.body if above and isinstance(head, ast.If) else module.body
    if len(body) != 1 or not isinstance(body[0], FunctionNode):
        raise SyntaxError("not one definition of a function")
    return body[0], above


def applied(text: str, edits: Sequence[Edit], silent: Sequence[Edit] = ()) -> Change:
    """The text with all edits in it, which must not overlap; those that are `silent` count no lines."""
    parts: list[str] = []
    shifts: dict[int, int] = {}
    position = moved = 0
    for edit in sorted([*edits, *silent], key=lambda each: (each.start, each.end)):
        if edit.start < position:
            raise ValueError("edits overlap")
        parts += [text[position : edit.start], edit.text]
        shifts[id(edit)] = edit.start + moved
        moved += len(edit.text) - (edit.end - edit.start)
        position = edit.end
    whole = "".join([*parts, text[position:]])
    changed = whole.rstrip() + ("\n" if text.endswith("\n") else "")
    return Change(changed, tuple(_lines(whole, text[edit.start : edit.end], edit, shifts[id(edit)]) for edit in edits))


def line_after(text: str, edits: Sequence[Edit], offset: int) -> int:
    """The line (1-based) on which a place of a text lies once all edits before it are made."""
    moved = sum(edit.text.count("\n") - text.count("\n", edit.start, edit.end) for edit in edits if edit.end <= offset)
    return text.count("\n", 0, offset) + 1 + moved


def differing_lines(before: str, after: str) -> int:
    """How many lines two texts do not share."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return sum(max(there - here, to - at) for kind, here, there, at, to in matcher.get_opcodes() if kind != "equal")


def _lines(changed: str, old: str, edit: Edit, start: int) -> tuple[int, ...]:
    """The lines of one edit; what its old and new text share at both ends is not counted as changed."""
    new = edit.text
    same = _shared(old, new)
    same_end = _shared(old[same:][::-1], new[same:][::-1])
    inner = new[same : len(new) - same_end]
    begin = start + same
    first = changed.count("\n", 0, begin) + 1
    last = first + inner.count("\n")
    rows = changed.split("\n")
    touched = tuple(line for line in range(first, last + 1) if rows[line - 1].strip())
    fewer = inner.count("\n") < old[same : len(old) - same_end].count("\n")
    if touched and (inner.strip() or not fewer):
        return touched
    column = begin - (changed.rfind("\n", 0, begin) + 1)
    before = range(first if rows[first - 1][:column].strip() else first - 1, 0, -1)
    rest = changed[begin + len(inner) :].partition("\n")[0]
    behind = range(last if rest.strip() else last + 1, len(rows) + 1)
    nearest = (next((line for line in side if rows[line - 1].strip()), 0) for side in (before, behind))
    return tuple(sorted({line for line in nearest if line}))


def _opens_block(function: FunctionNode, node: ast.stmt) -> bool:
    """Whether a statement is the first of those among which it stands."""
    blocks = (getattr(item, name, None) for item in ast.walk(function) for name in ("body", "orelse", "finalbody"))
    return any(isinstance(block, list) and block and block[0] is node for block in blocks)


def _last_before(text: str, place: int) -> int:
    """Where the last character before a place stands that is no white space."""
    return len(text[:place].rstrip()) - 1 if text[:place].strip() else len(text)


def _first_behind(text: str, place: int) -> int:
    """Where the first character from a place on stands that is no white space."""
    return len(text) - len(text[place:].lstrip())


def _shared(left: str, right: str) -> int:
    """How many characters two texts have in common at their beginning."""
    length = min(len(left), len(right))
    return next((place for place in range(length) if left[place] != right[place]), length)
