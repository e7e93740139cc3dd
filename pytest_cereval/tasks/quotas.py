"""Says how many questions of each category a limited suite still wants, and keeps those that it got.

A limit is shared evenly: the first categories get what does not divide. What a category cannot fill, others may, from
the questions that were left over for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_cereval.oracles.cases import Certified
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.tasks.question import Question

Picked = tuple[Certified, str, Question]


class Quotas:
    """Fed function by function, in selection order; a limit of 0 is none."""

    def __init__(self, limit: int, categories: Iterable[str]) -> None:
        self._limit = limit
        self._categories = tuple(categories)
        share, rest = divmod(limit, len(self._categories))
        self._wanted = {each: share + (place < rest) for place, each in enumerate(self._categories)}
        self._picked: list[Picked] = []
        self._spare: list[Picked] = []
        self._refused: list[LedgerEntry] = []
        self._seen: dict[str, Certified] = {}
        self._offered: set[str] = set()

    @property
    def open(self) -> tuple[str, ...]:
        """The categories that still want questions."""
        if not self._limit:
            return self._categories
        return tuple(each for each in self._categories if self._wanted[each])

    @property
    def missing(self) -> int:
        """The most questions that any category still wants."""
        return max(self._wanted.values(), default=0)

    def refuse(self, entry: LedgerEntry) -> None:
        """A function that no category can ask about."""
        self._refused.append(entry)

    def take(self, item: Certified, offered: Mapping[str, tuple[Question, ...] | LedgerEntry]) -> None:
        """What the categories offer about one function, as far as it is still wanted."""
        self._seen[item.function.name] = item
        for category, questions in offered.items():
            if isinstance(questions, LedgerEntry):
                self._refused.append(questions)
                continue
            self._offered.add(item.function.name)
            for question in questions:
                wanted = not self._limit or self._wanted[category] > 0
                (self._picked if wanted else self._spare).append((item, category, question))
                self._wanted[category] -= wanted

    def chosen(self) -> list[Picked]:
        """What is asked: everything wanted, and what was left over in place of what is missing."""
        missing = max(0, self._limit - len(self._picked))
        return [*self._picked, *self._spare[:missing]]

    def ledger(self) -> list[LedgerEntry]:
        """Those refused, and those that turned out not to be needed."""
        used = {item.function.name for item, _, _ in self.chosen()}
        unused = [
            LedgerEntry(name, item.function.path, item.function.def_line, Reason.NOT_SELECTED)
            for name, item in self._seen.items()
            if name in self._offered - used
        ]
        return [*self._refused, *unused]
