"""Says what a mutation operator is, as data, and what it proposes for one place of a function."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.understanding.editing import Edit
from pytest_cereval.categories.understanding.sites import Scope, Site


@dataclass(frozen=True, slots=True)
class Proposal:
    """One fault as edits of the text.

    Without `everywhere` only a call that reaches the statement can be told from the reference's. `defaults` are
    parameters with another default, as JSON scalars.
    """

    edits: tuple[Edit, ...]
    everywhere: bool = False
    defaults: tuple[tuple[str, Any], ...] = ()


Proposals = Iterator[Proposal]
Generator = Callable[[Any, Site, Scope], Proposals]
"""Called with the node of a site, the site, and the function's scope."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One way in which people get code wrong.

    explanation: one line that is true of every fault made this way. condition: where it applies, in words. kinds: the
    nodes it looks at. defence: a comment that a mistaken author might put above such a line, to defend it.
    """

    name: str
    explanation: str
    condition: str
    kinds: tuple[type[ast.AST], ...]
    generate: Generator
    defence: str


def one(*edits: Edit | None, everywhere: bool = False) -> Proposals:
    """A single fault of these edits; nothing if one of them could not be made."""
    made = tuple(edit for edit in edits if edit is not None)
    if made and len(made) == len(edits):
        yield Proposal(made, everywhere)


def between(scope: Scope, left: ast.expr, right: ast.expr, pattern: str, new: str) -> Edit | None:
    """Another operator between two expressions; None where it cannot be told from what else stands there."""
    start, end = scope.text.end(left), scope.text.start(right)
    gap = scope.text.text[start:end]
    found = re.search(pattern, gap)
    if found is None or "#" in gap:
        return None
    return Edit(start + found.start(), start + found.end(), new)


def without(scope: Scope, statement: ast.stmt) -> Edit | None:
    """A statement taken out with its lines."""
    return scope.text.taken_out(statement)
