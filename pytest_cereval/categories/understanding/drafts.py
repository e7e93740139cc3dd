"""Turns the proposals for one function into drafts: changed texts that parse and differ, in a form a bench can run."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_cereval.categories.understanding.catalogue import Fault, proposed
from pytest_cereval.categories.understanding.editing import (
    Change,
    Edit,
    FunctionText,
    applied,
    line_after,
    parsed_function,
)
from pytest_cereval.oracles.qualification import seed_of
from pytest_cereval.oracles.variants import Skeleton
from pytest_cereval.source.functions import FunctionNode, SourceFunction

MAX_TRIED = 24
"""Faults of one function that are run; taken operator by operator, so that none crowds out the others."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A changed text, not yet run. `source` is the body as a bench compiles it; see `variants.Variant` for the rest."""

    faults: tuple[Fault, ...]
    change: Change
    source: str
    span: tuple[int, int] | None = None
    defaults: tuple[tuple[str, Any], ...] = ()
    defence: str = ""


class Drafting:
    """One function whose text is changed in many ways."""

    def __init__(self, function: SourceFunction, skeleton: Skeleton) -> None:
        """Raises `SyntaxError` where the function's text does not parse by itself."""
        self.text = FunctionText(function)
        self.dropped: Counter[str] = Counter()
        self._function = function
        self._skeleton = skeleton
        self._original = _meaning(self.text.node)

    @property
    def plain(self) -> str:
        """The reference's own body, as a bench compiles it."""
        return self._skeleton.source(self.text.node)

    def singles(self) -> list[Draft]:
        """Drafts with one fault each, at most `MAX_TRIED`, in an order that a seed decides."""
        by_operator: dict[str, list[Draft]] = {}
        known: set[str] = set()
        for fault in proposed(self.text):
            made = self._made((fault,))
            if made is not None and made.change.text not in known:
                known.add(made.change.text)
                by_operator.setdefault(fault.operator.name, []).append(made)
        rows = [sorted(drafts, key=self.rank) for drafts in by_operator.values()]
        rows.sort(key=lambda drafts: self.rank(drafts[0]))
        most = max(map(len, rows), default=0)
        turns = [drafts[turn] for turn in range(most) for drafts in rows if turn < len(drafts)]
        self.dropped["not tried, for want of time"] += max(0, len(turns) - MAX_TRIED)
        return turns[:MAX_TRIED]

    def both(self, left: Draft, right: Draft) -> Draft | None:
        """Two faults in one text; None where they are in each other's way."""
        if left.faults[0].site.statement is right.faults[0].site.statement:
            return None
        try:
            made = self._made((*left.faults, *right.faults))
        except ValueError:
            return None
        return made if made is not None and not set(made.change.lines[0]) & set(made.change.lines[1]) else None

    def defended(self, draft: Draft) -> Draft | None:
        """The same fault under a comment that defends it; None where there is no place for one."""
        (fault,) = draft.faults
        if fault.site.node is self.text.node:
            return None
        node = fault.site.node if isinstance(fault.site.node, ast.ExceptHandler) else fault.site.statement
        start, defence = self.text.start(node), fault.operator.defence
        line = self.text.text.rfind("\n", 0, start) + 1
        indentation = self.text.text[line:start]
        if indentation.strip():
            return None
        comment = Edit(line, line, f"{indentation}# {defence}\n")
        change = self._named(applied(self.text.text, fault.proposal.edits, [comment]), draft.faults, [comment])
        return replace(draft, change=change, defence=defence) if _can_be_named(change) else None

    def rank(self, draft: Draft) -> str:
        """A place in an order that depends on the function's seed and on the draft's text alone."""
        return hashlib.sha256(f"{seed_of(self._function)} {draft.change.text}".encode()).hexdigest()

    def _made(self, faults: tuple[Fault, ...]) -> Draft | None:
        edits = [edit for fault in faults for edit in fault.proposal.edits]
        change = applied(self.text.text, edits)
        try:
            node, _ = parsed_function(change.text)
            source = self._skeleton.source(node)
        except (SyntaxError, ValueError, RecursionError):
            self.dropped["does not parse"] += 1
            return None
        if _meaning(node) == self._original:
            self.dropped["the same once parsed"] += 1
            return None
        change = self._named(change, faults)
        if not _can_be_named(change):
            self.dropped["no line to name"] += 1
            return None
        (first, *others) = faults
        span = None if others or first.proposal.everywhere else self._span(first)
        defaults = tuple(pair for fault in faults for pair in fault.proposal.defaults)
        return Draft(faults, change, source, span, defaults)

    def _named(self, change: Change, faults: Sequence[Fault], silent: Sequence[Edit] = ()) -> Change:
        """The lines fault by fault instead of edit by edit.

        Of a statement over several lines its first line is right as well: who reads it so names the statement.
        """
        made = [*silent, *(edit for fault in faults for edit in fault.proposal.edits)]
        rows = iter(change.lines)
        grouped = []
        for fault in faults:
            lines = {line for _ in fault.proposal.edits for line in next(rows)}
            head = self._head(fault)
            lines |= {line_after(self.text.text, made, head)} if head is not None else set()
            grouped.append(tuple(sorted(lines)))
        return Change(change.text, tuple(grouped))

    def _head(self, fault: Fault) -> int | None:
        """Where the statement begins in whose own text a fault lies; None where the statement is gone or replaced."""
        around = (fault.site.node, *fault.site.around)
        holder = next((node for node in around if isinstance(node, ast.stmt | ast.ExceptHandler)), self.text.node)
        start, end = self.text.start(holder), self.text.end(holder)
        edits = fault.proposal.edits
        if any(edit.start <= start and end <= edit.end for edit in edits):
            return None
        inner = getattr(holder, "body", None) or [case.pattern for case in getattr(holder, "cases", ())]
        limit = self.text.offset(inner[0].lineno, inner[0].col_offset) if inner else end
        return start if all(edit.start < limit for edit in edits) else None

    def _span(self, fault: Fault) -> tuple[int, int]:
        """The lines of the file one of which a call must reach to meet the fault."""
        statement = fault.site.statement
        body = getattr(statement, "body", None)
        last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno or statement.lineno
        return tuple(self.text.line_in_file(line, self._function) for line in (statement.lineno, last))  # type: ignore[return-value]


def _can_be_named(change: Change) -> bool:
    """Whether every fault has lines, and all of them can be seen."""
    rows = change.text.split("\n")
    return all(
        lines and all(1 <= line <= len(rows) and rows[line - 1].strip() for line in lines) for lines in change.lines
    )


def _meaning(node: FunctionNode) -> str:
    return ast.dump(node)
