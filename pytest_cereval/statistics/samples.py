"""Turns the attempts of a run into items: one per task, with the outcome of each of its samples.

All other statistics start here. Several samples of one task are not several tasks, so an item has one score.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.results.apart import NATURAL, rated
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.statistics.records import Record


class Scope(enum.StrEnum):
    """What a number is said of, which decides what counts as chance. Name it before the formula.

    `BANK`: only the noise of generation counts, and it takes two samples per item to see it. The others take items
    for a sample of more, and differ in what they take for independent: functions, files or repositories.
    """

    BANK = "bank"
    FUNCTIONS = "functions"
    FILES = "files"
    REPOSITORIES = "repositories"

    @property
    def clusters(self) -> str:
        """What is counted as independent, in the plural."""
        return "items" if self is Scope.BANK else self.value

    @property
    def estimand(self) -> str:
        """What is estimated, in words that follow "for"."""
        return _ESTIMANDS[self]


_ESTIMANDS = {
    Scope.BANK: "exactly these items, asked again",
    Scope.FUNCTIONS: "more functions like these from the same repositories",
    Scope.FILES: "more files like these from the same repositories",
    Scope.REPOSITORIES: "other repositories like these",
}


@dataclass(frozen=True, slots=True)
class Item(Record):
    """One task and what became of its samples.

    passes: one entry per scored sample. invalid: samples that our machinery failed; they are missing, not wrong.
    function: the one the task was made from; several tasks may share it. control: nothing is wrong with what is shown.
    """

    id: str
    name: str = ""
    category: str = ""
    band: str = ""
    function: str = ""
    file: str = ""
    repository: str = ""
    passes: tuple[bool, ...] = ()
    invalid: int = 0
    control: bool = False

    @property
    def score(self) -> float | None:
        """The share of scored samples that pass; None where none is scored."""
        return sum(self.passes) / len(self.passes) if self.passes else None

    @property
    def samples(self) -> int:
        """How many samples are scored."""
        return len(self.passes)

    @property
    def label(self) -> str:
        """Its name, or else its id."""
        return self.name or self.id

    def filled(self, passing: bool) -> float:
        """The score if everything missing had passed, or had failed; at least one sample is taken to be missing."""
        missing = self.invalid if self.invalid or self.passes else 1
        return (sum(self.passes) + missing * passing) / (len(self.passes) + missing)

    def cluster(self, scope: Scope) -> str:
        """What the item shares its luck with under a scope."""
        if scope is Scope.BANK:
            return self.id
        parts = {
            Scope.FUNCTIONS: (self.repository, self.file, self.function or self.id),
            Scope.FILES: (self.repository, self.file or self.id),
            Scope.REPOSITORIES: (self.repository,),
        }
        return "\n".join(parts[scope])


def items_of(
    attempts: Iterable[Attempt], tasks: Sequence[Mapping[str, Any]] = (), repository: str = ""
) -> tuple[Item, ...]:
    """One item per task, in order of the tasks; a task without an attempt is an item without samples.

    `tasks` are those of the store (`Store.tasks`). Attempts at tasks that are not among them follow. What is counted
    apart is no item.
    """
    by_task: dict[str, list[Attempt]] = {str(task["id"]): [] for task in tasks if task.get("category") != NATURAL}
    for attempt in rated(attempts):
        by_task.setdefault(attempt.task_id, []).append(attempt)
    known = {str(task["id"]): task for task in tasks}
    return tuple(_item(name, tried, known.get(name, {}), repository) for name, tried in by_task.items())


def _item(task_id: str, attempts: Sequence[Attempt], task: Mapping[str, Any], repository: str) -> Item:
    first = attempts[0] if attempts else None
    return Item(
        id=task_id,
        name=str(task.get("name") or (first.task_name if first else "")),
        category=str(task.get("category") or (first.category if first else "")),
        band=str(task.get("band") or getattr(first, "band", "")),
        function=str(task.get("function") or task.get("name") or (first.task_name if first else "")),
        file=str(task.get("path", "")),
        # A public set beside a repository is none of its files: what is claimed of one is not of the other.
        repository=str((task.get("about") or {}).get("static_set") or repository),
        passes=tuple(each.verdict.is_pass for each in attempts if each.verdict.is_scored),
        invalid=sum(not each.verdict.is_scored for each in attempts),
        control=bool(task.get("control", getattr(first, "control", False))),
    )


def not_asked(items: Sequence[Item]) -> frozenset[str]:
    """The ids of items that lack a sample that others have: a partial selection, or a run that ended on the way.

    What our machinery failed was asked. Runs ask every task as often, so the most samples of an item are what all have.
    """
    most = max((item.samples + item.invalid for item in items), default=0)
    return frozenset(item.id for item in items if item.samples + item.invalid < max(1, most))


def grouped(items: Iterable[Item], by: str) -> dict[str, tuple[Item, ...]]:
    """Items by the value of one of their text fields, in order of first appearance; without a value, left out."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        if value := str(getattr(item, by)):
            groups.setdefault(value, []).append(item)
    return {name: tuple(found) for name, found in groups.items()}
