"""Turns counts of references to what does not exist into rates: per reference, per answer, and unique names.

The three denominators answer different questions, and none is comparable across sets of prompts. Whoever counts tells
what was found; where members were looked up without running anything, the rates are lower bounds.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_cereval.results.statistics import CONFIDENCE
from pytest_cereval.statistics.clustered import wilson_bounds, zero_event_bound
from pytest_cereval.statistics.distributions import t_quantile
from pytest_cereval.statistics.paired import mcnemar_two_sided
from pytest_cereval.statistics.rates import Estimate, share
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope
from pytest_cereval.statistics.text import counted, interval_text, percent


class Fabrication(enum.StrEnum):
    """What is wrong with one reference."""

    PACKAGE = "fabricated_package"
    UNDECLARED = "undeclared_dependency"
    MEMBER = "fabricated_member"
    KEYWORD = "fabricated_keyword"
    SUSPECTED = "suspected_member"

    @property
    def confirmed(self) -> bool:
        """Whether it surely does not exist; an undeclared dependency does, and a suspected member was not run."""
        return self in (Fabrication.PACKAGE, Fabrication.MEMBER, Fabrication.KEYWORD)


@dataclass(frozen=True, slots=True)
class Dependencies(Record):
    """What one answer refers to. `references` counts all imports and module-level members that were looked up.

    found: per class, the name of each reference that is wrong, as often as it occurs. An answer that does not parse has
    no references and is counted apart.
    """

    item: str
    parsed: bool
    references: int
    found: Mapping[Fabrication, tuple[str, ...]] = field(default_factory=dict)

    def count(self, kinds: Iterable[Fabrication]) -> int:
        """How many references are of one of these classes."""
        return sum(len(self.found.get(kind, ())) for kind in kinds)


@dataclass(frozen=True, slots=True)
class FabricationRate(Record):
    """One class, or all confirmed ones. low, high: of `per_reference`, clustered by item. upper: where none was found,
    the one-sided bound that so many answers with references allow.
    """

    name: str
    wrong: int
    references: int
    per_reference: float | None
    low: float | None
    high: float | None
    upper: float | None
    per_answer: Estimate
    unique: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fabrications(Record):
    """The answers of one run. circumstances: Python, lock file, snapshot date and what else decides what exists."""

    answers: int
    not_parsing: int
    references: int
    confirmed: FabricationRate
    classes: tuple[FabricationRate, ...]
    circumstances: dict[str, str]
    sentence: str


@dataclass(frozen=True, slots=True)
class FabricationChange(Record):
    """Two runs on the same items, by whether an answer holds any confirmed fabrication."""

    items: int
    only_old: int
    only_new: int
    p: float


def fabrications(answers: Sequence[Dependencies], circumstances: Mapping[str, str] | None = None) -> Fabrications:
    """The rates of every class that occurs, and of all confirmed ones together."""
    parsed = [each for each in answers if each.parsed]
    kinds = [kind for kind in Fabrication if any(each.count([kind]) for each in parsed)]
    confirmed = _rate("confirmed", parsed, [kind for kind in Fabrication if kind.confirmed])
    broken = len(answers) - len(parsed)
    possible = "" if confirmed.upper is None else f"; up to {percent(confirmed.upper)} are possible"
    return Fabrications(
        answers=len(answers),
        not_parsing=broken,
        references=confirmed.references,
        confirmed=confirmed,
        classes=tuple(_rate(kind.value, parsed, [kind]) for kind in kinds),
        circumstances=dict(circumstances or {}),
        sentence=(
            f"Of {counted(confirmed.references, 'reference')} in {counted(len(parsed), 'answer')}, {confirmed.wrong}"
            f" ({percent(confirmed.per_reference)}) name what does not exist, {counted(len(confirmed.unique), 'name')};"
            f" {percent(confirmed.per_answer.value)} of answers{interval_text(confirmed.per_answer)} hold one"
            f"{possible}. {counted(broken, 'answer')} did not parse. A lower bound: not every fabrication can be seen."
        ),
    )


def beyond_reference(
    answers: Iterable[Dependencies], reference: Mapping[str, Iterable[str]]
) -> tuple[Dependencies, ...]:
    """The answers less the names that the reference solution of the item, which works, is reported for as well."""
    found = []
    for each in answers:
        known = set(reference.get(each.item, ()))
        kept = {kind: tuple(name for name in names if name not in known) for kind, names in each.found.items()}
        found.append(replace(each, found={kind: names for kind, names in kept.items() if names}))
    return tuple(found)


def change(old: Sequence[Dependencies], new: Sequence[Dependencies]) -> FabricationChange:
    """McNemar's mid-p on items that both runs have parsing answers to; two-sided."""
    before, after = _any_by_item(old), _any_by_item(new)
    common = [item for item in before if item in after]
    only_old = sum(before[item] and not after[item] for item in common)
    only_new = sum(after[item] and not before[item] for item in common)
    return FabricationChange(len(common), only_old, only_new, mcnemar_two_sided(only_new, only_old)[1])


def _any_by_item(answers: Iterable[Dependencies]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for each in answers:
        if each.parsed:
            kinds = [kind for kind in Fabrication if kind.confirmed]
            found[each.item] = found.get(each.item, False) or each.count(kinds) > 0
    return found


def _rate(name: str, parsed: Sequence[Dependencies], kinds: Sequence[Fabrication]) -> FabricationRate:
    by_item: dict[str, list[Dependencies]] = {}
    for each in parsed:
        by_item.setdefault(each.item, []).append(each)
    sums = [
        (sum(each.count(kinds) for each in found), sum(each.references for each in found)) for found in by_item.values()
    ]
    wrong, references = sum(pair[0] for pair in sums), sum(pair[1] for pair in sums)
    bounds = _ratio_bounds(sums) if wrong else None
    items = [
        Item(item, function=item, passes=tuple(each.count(kinds) > 0 for each in found))
        for item, found in by_item.items()
    ]
    return FabricationRate(
        name=name,
        wrong=wrong,
        references=references,
        per_reference=wrong / references if references else None,
        low=bounds[0] if bounds else None,
        high=bounds[1] if bounds else None,
        upper=zero_event_bound(sum(count > 0 for _, count in sums)) if references and not wrong else None,
        per_answer=share(name, "share of answers with one", items, Scope.FUNCTIONS),
        unique=tuple(sorted({each for found in parsed for kind in kinds for each in found.found.get(kind, ())})),
    )


def _ratio_bounds(sums: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """Wilson's bounds of a ratio of sums on the effective number of references, from its linearised clustered error."""
    total = sum(count for _, count in sums)
    if len(sums) < 2 or not total:
        return None
    ratio = sum(wrong for wrong, _ in sums) / total
    squares = math.fsum((wrong - ratio * count) ** 2 for wrong, count in sums)
    variance = squares * len(sums) / (len(sums) - 1) / total**2
    effective = min(float(total), ratio * (1 - ratio) / variance) if variance > 0 else float(total)
    quantile = t_quantile((1 + CONFIDENCE) / 2, len(sums) - 1)
    return wilson_bounds(ratio, max(effective, 1e-9), quantile)
