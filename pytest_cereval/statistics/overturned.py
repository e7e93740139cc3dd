"""Turns attempts into how many answers that claim success are overturned by running them, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_cereval.results.apart import rated
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.statistics import CONFIDENCE
from pytest_cereval.statistics.clustered import zero_event_bound
from pytest_cereval.statistics.rates import Estimate, share
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope
from pytest_cereval.statistics.text import counted, interval_text, listed, percent

ALL = "all"
CONTROLS = "controls"
METRIC = "overturned share of claims"


@dataclass(frozen=True, slots=True)
class Claim:
    """One answer. passed: None where our machinery failed. cause: why it does not pass, a class of failure."""

    item: str
    claimed: bool
    passed: bool | None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Overturned(Record):
    """The answers of one category.

    claimed: answers that claim success (complete, "fixed", "found"), of which `verified` hold when run, `overturned` do
    not, and `invalid` could not be judged. unclaimed_passing: answers that pass without the claim. rate: the mean over
    items of the share of an item's claims that are overturned. upper: where none is overturned, the one-sided bound
    that so many clusters allow.
    """

    category: str
    answers: int
    claimed: int
    verified: int
    overturned: int
    invalid: int
    unclaimed_passing: int
    causes: dict[str, int]
    rate: Estimate
    upper: float | None
    sentence: str


def claims_of(attempts: Iterable[Attempt]) -> list[Claim]:
    """What each attempt claims and what came of it."""
    return [
        Claim(
            item=each.task_id,
            claimed=bool(getattr(each, "claimed", False)),
            passed=each.verdict.is_pass if each.verdict.is_scored else None,
            cause=each.failure.value if each.failure else each.verdict.value,
        )
        for each in rated(attempts)
    ]


def overturned(
    claims: Sequence[Claim], items: Sequence[Item], scope: Scope = Scope.FUNCTIONS
) -> tuple[Overturned, ...]:
    """One row per category in order of name, then one for all. Controls, on which success is silence, have their own.

    `items` say what each claim's item is; their samples are not looked at. Raises `KeyError` for a claim of no item.
    """
    known = {item.id: item for item in items}
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        item = known[claim.item]
        groups.setdefault(f"{item.category} {CONTROLS}" if item.control else item.category, []).append(claim)
    rows = [_row(name, groups[name], known, scope) for name in sorted(groups)]
    return (*rows, _row(ALL, claims, known, scope))


def _row(name: str, claims: Sequence[Claim], known: Mapping[str, Item], scope: Scope) -> Overturned:
    made = [claim for claim in claims if claim.claimed]
    wrong = [claim for claim in made if claim.passed is False]
    by_item: dict[str, list[Claim]] = {}
    for claim in made:
        by_item.setdefault(claim.item, []).append(claim)
    turned = [
        replace(
            known[item],
            passes=tuple(not each.passed for each in found if each.passed is not None),
            invalid=sum(each.passed is None for each in found),
        )
        for item, found in by_item.items()
    ]
    rate = share(name, METRIC, turned, scope)
    counts = Counter(claim.cause for claim in wrong).most_common()
    causes = dict(sorted(counts, key=lambda each: (-each[1], each[0])))
    upper = zero_event_bound(rate.clusters) if rate.items and not wrong else None
    return Overturned(
        category=name,
        answers=len(claims),
        claimed=len(made),
        verified=sum(claim.passed is True for claim in made),
        overturned=len(wrong),
        invalid=sum(claim.passed is None for claim in made),
        unclaimed_passing=sum(claim.passed is True and not claim.claimed for claim in claims),
        causes=causes,
        rate=rate,
        upper=upper,
        sentence=_sentence(name, made, len(wrong), causes, rate, upper),
    )


def _sentence(
    name: str, made: Sequence[Claim], wrong: int, causes: Mapping[str, int], rate: Estimate, upper: float | None
) -> str:
    judged = sum(claim.passed is not None for claim in made)
    if not judged:
        return f"{name}: no answer that claims success could be judged, so nothing can be overturned."
    head = f"{name}: of {counted(judged, 'answer')} that {'claims' if judged == 1 else 'claim'} success"
    if upper is not None:
        return f"{head}, execution overturns none; up to {percent(upper)} are possible ({CONFIDENCE:.0%}, one-sided)."
    why = listed([f"{count} {cause}" for cause, count in causes.items()])
    return f"{head}, execution overturns {wrong}, {percent(rate.value)}{interval_text(rate)}: {why}."
