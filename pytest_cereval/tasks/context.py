"""Turns the file around a function into the context of its question: the body taken out, the nearest kept first.

A file is a row of pieces (statements of the module, members of the enclosing class). Every piece starts hidden; pieces
are then shown, as a signature or in full, in order of nearness until a budget is used up. The order: what the function
calls or reads, members of its own class, its call sites, then the rest of the file by distance.
"""

from __future__ import annotations

import ast
import copy
import enum
import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pytest_cereval.source.functions import FunctionNode, SourceFunction, definition_of, first_line, without_docstring
from pytest_cereval.source.syntax import parse

CHARACTERS_PER_TOKEN = 3.6
"""Code in the vocabularies of current code models; an estimate, because tasks must not depend on the model."""

MARKER = "..."
BODY_TO_WRITE = "the body to write"
_INDENT = "    "
_MAX_CONSTANT_LINES = 12
_KEPT = 1 << 14


class Shown(enum.IntEnum):
    """How much of a piece the prompt carries."""

    NOTHING = 0
    SIGNATURE = 1
    FULL = 2


@dataclass(slots=True)
class Piece:
    """One statement of the module or member of a class; `name` is what it defines, `depth` its indentation."""

    node: ast.stmt
    name: str
    depth: int
    owner: str
    shown: Shown = Shown.NOTHING
    texts: dict[Shown, str] = field(default_factory=dict)

    def text(self, shown: Shown) -> str:
        """The piece's text at one level, indented."""
        if shown not in self.texts:
            self.texts[shown] = _indented(_text(self.node, shown), self.depth)
        return self.texts[shown]

    @property
    def cost(self) -> int:
        """Characters that the piece takes as shown now."""
        return len(self.text(self.shown))


def estimate_tokens(text: str) -> int:
    """Tokens of a text, estimated from its length."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def context(
    source: str, function: SourceFunction, budget_tokens: int, *, note: str = BODY_TO_WRITE, signature: bool = True
) -> str:
    """The file as text, cut to about `budget_tokens`, with a marker and a `note` in place of the function's body.

    Without `signature` its parameters and its docstring are left out as well, for a question that shows another text
    of the function: what differs there must not be told by what is here.
    """
    module = _parsed(source)
    target = definition_of(module, function)
    placeholder = (_without_body if signature else _without_signature)(target, note)
    pieces = list(_pieces(module.body, function, 0, "", placeholder))
    twins = _body_dump(target)
    used = 0
    for piece in pieces:
        if isinstance(piece.node, ast.Import | ast.ImportFrom) or piece.node is target:
            piece.shown = Shown.FULL
        elif isinstance(piece.node, ast.ClassDef):
            piece.shown = Shown.SIGNATURE
        used += piece.cost
    left = int(budget_tokens * CHARACTERS_PER_TOKEN) - used
    for piece, level in _upgrades(pieces, target, function):
        if _hides_twin(piece, twins, level):
            continue
        extra = len(piece.text(level)) - piece.cost
        if piece.shown < level and extra <= left:
            piece.shown = level
            left -= extra
    return _joined(pieces)


def hidden_body(source: str, function: SourceFunction) -> str:
    """The reference's body, as normalised text: what no prompt may hold."""
    return _body_dump(definition_of(_parsed(source), function))


@functools.lru_cache(maxsize=64)
def _parsed(source: str) -> ast.Module:
    """One tree per file, so that what is made of its nodes can be kept as well; nobody changes it."""
    return parse(source)


def _pieces(
    body: Sequence[ast.stmt], function: SourceFunction, depth: int, owner: str, placeholder: str
) -> Iterator[Piece]:
    """Statements one after the other; the classes around the function are opened, all others are one piece."""
    for node in body:
        enclosing = (
            isinstance(node, ast.ClassDef)
            and depth < len(function.parents)
            and (node.name == function.parents[depth] and node.lineno <= function.def_line <= (node.end_lineno or 0))
        )
        if isinstance(node, FunctionNode) and first_line(node) == function.first_line:
            yield Piece(node, node.name, depth, owner, texts={Shown.FULL: _indented(placeholder, depth)})
        elif enclosing and isinstance(node, ast.ClassDef):
            yield Piece(node, node.name, depth, owner, texts={Shown.SIGNATURE: _indented(_class_head(node), depth)})
            members = node.body[1:] if ast.get_docstring(node) else node.body
            yield from _pieces(members, function, depth + 1, node.name, placeholder)
        elif isinstance(node, ast.If) and _holds(node, function):
            yield from _pieces([*node.body, *node.orelse], function, depth, owner, placeholder)
        else:
            yield Piece(node, _defined(node), depth, owner)


def _holds(node: ast.stmt, function: SourceFunction) -> bool:
    return node.lineno <= function.def_line <= (node.end_lineno or 0)


def _defined(node: ast.stmt) -> str:
    if isinstance(node, FunctionNode | ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = [name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)]
    return names[0] if names else ""


def _upgrades(pieces: list[Piece], target: FunctionNode, function: SourceFunction) -> Iterator[tuple[Piece, Shown]]:
    """Pieces to show next, nearest first."""
    others = [piece for piece in pieces if piece.shown is Shown.NOTHING]
    by_distance = sorted(others, key=lambda piece: (abs(piece.node.lineno - target.lineno), piece.node.lineno))
    used = _names(target)
    callees = [piece for piece in by_distance if piece.name in used]
    siblings = [piece for piece in by_distance if piece.owner and piece.owner == (function.parents or ("",))[-1]]
    callers = [piece for piece in by_distance if function.bare_name in _names(piece.node)]
    yield from ((piece, Shown.SIGNATURE) for piece in callees)
    yield from ((piece, Shown.FULL) for piece in callees if not isinstance(piece.node, FunctionNode | ast.ClassDef))
    yield from ((piece, Shown.SIGNATURE) for piece in siblings)
    yield from ((piece, Shown.FULL) for piece in callers[:3])
    yield from ((piece, Shown.FULL) for piece in callees)
    yield from ((piece, Shown.SIGNATURE) for piece in by_distance)
    yield from ((piece, Shown.FULL) for piece in siblings)
    yield from ((piece, Shown.FULL) for piece in by_distance)


@functools.lru_cache(maxsize=_KEPT)
def _names(node: ast.stmt) -> frozenset[str]:
    """The names and attributes that a statement mentions."""
    found = (getattr(item, "attr", None) or getattr(item, "id", None) for item in ast.walk(node))
    return frozenset(name for name in found if isinstance(name, str))


def _hides_twin(piece: Piece, body: str, level: Shown) -> bool:
    """Whether showing a piece in full would show the very body that was taken out, copied under another name."""
    if level is not Shown.FULL:
        return False
    return body in _bodies(piece.node)


@functools.lru_cache(maxsize=_KEPT)
def _bodies(node: ast.stmt) -> frozenset[str]:
    return frozenset(_body_dump(item) for item in ast.walk(node) if isinstance(item, FunctionNode))


def _body_dump(node: FunctionNode) -> str:
    return "\n".join(ast.unparse(statement) for statement in without_docstring(node))


def _without_body(node: FunctionNode, note: str) -> str:
    bare = copy.copy(node)
    documented = len(node.body) - len(without_docstring(node))
    bare.body = [*bare.body[:documented], ast.Expr(ast.Constant(...))]
    return f"{ast.unparse(bare)}  # {note}"


def _without_signature(node: FunctionNode, note: str) -> str:
    """The name alone, with the decorators, by which an accessor is told from the property's others."""
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    decorators = [f"@{ast.unparse(each)}\n" for each in node.decorator_list]
    return "".join([*decorators, f"{word} {node.name}(...): ...  # {note}"])


@functools.lru_cache(maxsize=_KEPT)
def _text(node: ast.stmt, shown: Shown) -> str:
    if shown is Shown.NOTHING:
        return ""
    if shown is Shown.FULL:
        text = ast.unparse(node)
        lines = text.splitlines()
        long = not isinstance(node, FunctionNode | ast.ClassDef) and len(lines) > _MAX_CONSTANT_LINES
        return "\n".join([*lines[:_MAX_CONSTANT_LINES], MARKER]) if long else text
    if isinstance(node, FunctionNode):
        brief = copy.copy(node)
        docstring = ast.get_docstring(node)
        head: list[ast.stmt] = [ast.Expr(ast.Constant(docstring.split("\n\n")[0]))] if docstring else []
        brief.body = [*head, ast.Expr(ast.Constant(...))]
        return ast.unparse(brief)
    if isinstance(node, ast.ClassDef):
        return _class_outline(node)
    return ast.unparse(node).splitlines()[0][:120]


def _class_head(node: ast.ClassDef) -> str:
    """Decorators, the `class` line and the first paragraph of the docstring."""
    head = copy.copy(node)
    docstring = ast.get_docstring(node)
    head.body = [ast.Expr(ast.Constant(docstring.split("\n\n")[0]))] if docstring else []
    return ast.unparse(head).rstrip()


def _class_outline(node: ast.ClassDef) -> str:
    """A class as its head and the signatures of its methods."""
    outline = copy.copy(node)
    members: list[ast.stmt] = []
    for member in node.body:
        if isinstance(member, FunctionNode):
            brief = copy.copy(member)
            brief.body = [ast.Expr(ast.Constant(...))]
            members.append(brief)
    outline.body = members or [ast.Expr(ast.Constant(...))]
    return ast.unparse(outline)


def _indented(text: str, depth: int) -> str:
    return "\n".join(f"{_INDENT * depth}{line}" if line else "" for line in text.splitlines())


def _joined(pieces: list[Piece]) -> str:
    """The shown pieces in file order; runs of hidden ones become one marker line."""
    lines: list[str] = []
    gap = False
    for piece in pieces:
        text = piece.text(piece.shown)
        if not text:
            gap = True
            continue
        if gap:
            lines.append(f"{_INDENT * piece.depth}{MARKER}")
            gap = False
        if lines and isinstance(piece.node, FunctionNode | ast.ClassDef):
            lines.append("")
        lines.append(text)
    if gap:
        lines.append(MARKER)
    return "\n".join(lines)
