"""Turns text such as `code_generation>=0.6` into lower limits of pass rates, and items into whether they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.noninferiority import Verdict
from pytest_cereval.statistics.rates import Estimate, pass_rate
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope, not_asked
from pytest_cereval.statistics.text import counted, percent

ALL = "all"
FORM = "NAME>=RATE with a rate between 0 and 1, several with commas: code_generation>=0.6,security_audit>=0.4"
_FORM = re.compile(r"(?:(?P<name>[A-Za-z][\w-]*)\s*>=\s*)?(?P<rate>[^\s<>=]+)")


@dataclass(frozen=True, slots=True)
class Threshold(Record):
    """The pass rate that a category, or `all` items, must reach."""

    name: str
    least: float

    def __str__(self) -> str:
        return f"{self.name}>={self.least:g}"


@dataclass(frozen=True, slots=True)
class ThresholdResult(Record):
    """Whether the observed rate on these items reaches a threshold. Its interval is for information."""

    threshold: Threshold
    rate: Estimate
    verdict: Verdict
    sentence: str


def parse_thresholds(text: str) -> tuple[Threshold, ...]:
    """Read thresholds with commas between them; a bare rate is for all items. Raises `SettingsError` for other text."""
    found: dict[str, Threshold] = {}
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        match = _FORM.fullmatch(part)
        if match is None:
            raise SettingsError(f"threshold {part!r} of {text!r} cannot be read", next_step=f"write {FORM}")
        threshold = Threshold(match["name"] or ALL, _rate(match["rate"], part))
        if threshold.name in found:
            raise SettingsError(
                f"{text!r} gives two thresholds for {threshold.name!r}", next_step="give one threshold per name"
            )
        found[threshold.name] = threshold
    return tuple(found.values())


def apply(
    thresholds: Sequence[Threshold], items: Sequence[Item], scope: Scope = Scope.FUNCTIONS
) -> tuple[ThresholdResult, ...]:
    """Hold each threshold against the observed rate; raises `SettingsError` for a category that no item has.

    What our machinery failed may decide neither way: PASS holds even if all of it had failed, FAIL even if all had
    passed. Where a task was never asked, nothing is evaluated.
    """
    categories = sorted({item.category for item in items})
    results = []
    for threshold in thresholds:
        if threshold.name != ALL and threshold.name not in categories:
            raise SettingsError(
                f"threshold {threshold}: no task is of category {threshold.name!r}",
                next_step=f"use one of {', '.join([ALL, *categories])}",
            )
        results.append(_result(threshold, [i for i in items if threshold.name in (ALL, i.category)], scope))
    return tuple(results)


def _rate(text: str, part: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise SettingsError(f"threshold {part!r}: {text!r} is no rate between 0 and 1", next_step=f"write {FORM}")
    return rate


def _result(threshold: Threshold, items: Sequence[Item], scope: Scope) -> ThresholdResult:
    rate = pass_rate(threshold.name, items, scope)
    unasked = len(not_asked(items))
    if unasked or not items:
        verdict, why = Verdict.NOT_EVALUATED, f"{unasked} of {counted(len(items), 'item')} were not asked"
    elif (rate.worst or 0.0) >= threshold.least - 1e-12:
        verdict, why = Verdict.PASS, f"{percent(rate.value)} of {counted(rate.items, 'item')} pass"
    elif (rate.best or 0.0) < threshold.least - 1e-12:
        verdict, why = Verdict.FAIL, f"{percent(rate.value)} of {counted(rate.items, 'item')} pass"
    else:
        verdict = Verdict.INCONCLUSIVE
        why = f"{counted(rate.invalid, 'attempt')} INVALID; the rate lies between {percent(rate.worst)} and"
        why += f" {percent(rate.best)}"
    return ThresholdResult(threshold, rate, verdict, f"{verdict} {threshold}: {why}.")
