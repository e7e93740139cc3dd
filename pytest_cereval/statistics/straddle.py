"""Turns the scores of two models with different cutoffs on the same items into what only the newer may have learnt.

How hard an item is cancels out, since both models had it. What remains assumed: apart from what it has seen, the newer
model gains as much on one side as on the other. A split of items that are older than both cutoffs checks that, since
there nothing should be seen; equal gains in log-odds are not equal in points where one side is harder.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.statistics.clustered import Mean
from pytest_cereval.statistics.effects import Effect, difference, mean_of_steps, untestable
from pytest_cereval.statistics.records import Record

ESTIMAND = "extra gain of the newer model on items that only it can have seen"
METHOD = "difference in differences, clustered by function"


class Period(enum.StrEnum):
    """When an item's function was written, as the two cutoffs and their guard bands see it."""

    BEFORE = "before both cutoffs"
    BETWEEN = "between the cutoffs"
    AFTER = "after both cutoffs"


@dataclass(frozen=True, slots=True)
class StraddleItem(Record):
    """An item that two models were asked. old, new: the models' scores. function: what items share their luck with.

    written: a date in ISO 8601, by which items before both cutoffs are split in two.
    """

    id: str
    period: Period
    old: float
    new: float
    repository: str = ""
    function: str = ""
    written: str = ""

    @property
    def gain(self) -> float:
        """How much better the newer model does."""
        return self.new - self.old

    @property
    def cluster(self) -> str:
        """What the item shares its luck with."""
        return "\n".join((self.repository, self.function or self.id))


def straddle(items: Sequence[StraddleItem], *, name: str = "straddle") -> Effect:
    """How much more the new model gains between the cutoffs than after both."""
    sides = [[each for each in items if each.period is period] for period in (Period.BETWEEN, Period.AFTER)]
    if _too_few(*sides):
        why = f"{len(sides[0])} items lie between the cutoffs and {len(sides[1])} after both; each side needs two"
        return untestable(name, ESTIMAND, f"{why} functions")
    return difference(name, ESTIMAND, _gain(sides[0]), _gain(sides[1]), METHOD, widest=2.0)


def placebo(items: Sequence[StraddleItem], *, name: str = "placebo") -> Effect:
    """The same for two halves of the items before both cutoffs, the later less the earlier: about 0 if all is well."""
    estimand = "extra gain on the later half of what both models may have seen"
    before = sorted((each for each in items if each.period is Period.BEFORE), key=lambda each: (each.written, each.id))
    dates = [each.written for each in before]
    middle = dates[len(dates) // 2] if dates else ""
    # Items of one day stay together, or the halves would not differ in age there.
    sides = [[each for each in before if (each.written >= middle) is late] for late in (True, False)]
    if _too_few(*sides):
        why = f"{len(before)} items lie before both cutoffs, and two halves of different age need two functions each"
        return untestable(name, estimand, why)
    return difference(name, estimand, _gain(sides[0]), _gain(sides[1]), METHOD, widest=2.0)


def beyond_public(items: Sequence[StraddleItem], public: Sequence[StraddleItem], *, name: str) -> Effect:
    """The gain between the cutoffs less that on a static public set, which both models may have seen."""
    between = [each for each in items if each.period is Period.BETWEEN]
    estimand = "gain of the newer model on items that only it can have seen, less its gain on the static set"
    if _too_few(between, public):
        why = f"{len(between)} items lie between the cutoffs and {len(public)} in the set; each side needs two"
        return untestable(name, estimand, f"{why} functions")
    return difference(name, estimand, _gain(between), _gain(public), METHOD, widest=2.0)


def _too_few(*sides: Sequence[StraddleItem]) -> bool:
    return min(len({each.cluster for each in side}) for side in sides) < 2


def _gain(side: Sequence[StraddleItem]) -> Mean:
    return mean_of_steps([each.gain for each in side], [each.cluster for each in side])
