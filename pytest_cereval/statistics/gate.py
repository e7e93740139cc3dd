"""Turns an old and a new run's items into the gate's answer, with the items by name and what would settle it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_cereval.errors import SettingsError
from pytest_cereval.statistics.noninferiority import (
    FEW_CLUSTERS,
    Compared,
    Plan,
    Verdict,
    compare_pairs,
    fewest_clusters,
    pairs_of,
)
from pytest_cereval.statistics.paired import evidence_of_regression, mcnemar_one_sided
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item, Scope, not_asked
from pytest_cereval.statistics.sizes import VarianceSplit, detectable, samples_for_margin, variance_split
from pytest_cereval.statistics.text import counted, percent, points
from pytest_cereval.statistics.thresholds import ThresholdResult


class ExitCode(enum.IntEnum):
    """How a command with a gate ends; pytest's own codes end at 6."""

    PASSED = 0
    WORSE = 10
    INCONCLUSIVE = 11

    @classmethod
    def of(cls, verdict: Verdict) -> ExitCode:
        """What is not evaluated has not passed, and is not worse either."""
        codes = {Verdict.PASS: cls.PASSED, Verdict.FAIL: cls.WORSE}
        return codes.get(verdict, cls.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Change(Record):
    """One item whose score differs. old, new: shares of passed samples."""

    item: str
    category: str
    old: float
    new: float


@dataclass(frozen=True, slots=True)
class CategoryChange(Record):
    """One category, for information: it decides nothing."""

    category: str
    compared: Compared
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Changes(Record):
    """The items whose score differs, the largest change first.

    p: one-sided mid-p of McNemar's test for a regression. evidence: an e-value for it, which may be looked at any time;
    20 or more shows a regression at the 5 % level. Both are for one sample of independent items, else None.
    """

    regressed: tuple[Change, ...]
    improved: tuple[Change, ...]
    p: float | None
    evidence: float | None


@dataclass(frozen=True, slots=True)
class Settling(Record):
    """What it takes. detectable: the smallest loss found with 80 % power. items, samples: so many items, or so many
    samples per item, would settle an INCONCLUSIVE; None where none is needed, or no number of samples is enough.
    split: where the spread of differences comes from, None with one sample.
    """

    detectable: float
    items: int | None
    samples: int | None
    split: VarianceSplit | None


@dataclass(frozen=True, slots=True)
class GateResult(Record):
    """The three-valued verdict on a new model against an old one.

    samples: the fewest scored samples of an item (K). missing_*: items that our machinery left without a score, or with
    fewer samples, per arm. worst_lower: the lower bound if all of that had passed before and failed now; a PASS must
    hold with it. unasked: items that one of the runs never asked; then nothing is evaluated.
    """

    plan: Plan
    verdict: Verdict
    compared: Compared | None
    samples: int
    changes: Changes
    missing_old: int
    missing_new: int
    worst_lower: float | None
    unasked: int
    settling: Settling | None
    categories: tuple[CategoryChange, ...]
    sentence: str


def judge(old: Sequence[Item], new: Sequence[Item], plan: Plan, names: tuple[str, str] = ("old", "new")) -> GateResult:
    """The verdict on `new` against `old`.

    Nothing is evaluated where a task was not asked, or where `old` passes so little that a loss of the margin cannot
    occur, unless `new` is shown to be better.

    Raises `SettingsError` for arms of different items, or for a scope that these items cannot bear.
    """
    pairs = pairs_of(old, new)
    scored = [pair for pair in pairs if pair[0].passes and pair[1].passes]
    missing = tuple(sum(pair[arm].invalid > 0 for pair in pairs) for arm in (0, 1))
    unasked = len(not_asked([old for old, _ in pairs]) | not_asked([new for _, new in pairs]))
    if unasked or not scored:
        return _not_evaluated(plan, _why_not(len(pairs), unasked), missing, unasked)
    compared = compare_pairs(pairs, plan)
    worst = compare_pairs(pairs, plan, worst=True) if any(missing) else None
    verdict = compared.verdict(plan)
    before = sum(item.score or 0.0 for item, _ in scored) / len(scored)
    if before < plan.margin and compared.lower <= 0:
        return _not_evaluated(plan, f"{names[0]} passes too few items ({percent(before)}) to lose the margin", missing)
    if verdict is Verdict.PASS and worst is not None and worst.verdict(plan) is not Verdict.PASS:
        verdict = Verdict.INCONCLUSIVE
    samples = min(item.samples for pair in scored for item in pair)
    result = GateResult(
        plan=plan,
        verdict=verdict,
        compared=compared,
        samples=samples,
        changes=_changes(scored, single=samples == 1 and compared.clusters == compared.items),
        missing_old=missing[0],
        missing_new=missing[1],
        worst_lower=worst.lower if worst else None,
        unasked=0,
        settling=_settling(scored, compared, plan, samples, verdict),
        categories=_categories(scored, plan),
        sentence="",
    )
    return replace(result, sentence=in_words(result, compared, names))


def overall(results: Sequence[GateResult | ThresholdResult]) -> Verdict:
    """FAIL if any fails, PASS if all pass; raises `SettingsError` where there is nothing to hold to."""
    verdicts = [result.verdict for result in results]
    if not verdicts:
        raise SettingsError("a gate without a baseline or a threshold", next_step="give one of them")
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_EVALUATED)
    return next((each for each in order if each in verdicts), Verdict.PASS)


def _categories(scored: Sequence[tuple[Item, Item]], plan: Plan) -> tuple[CategoryChange, ...]:
    names = sorted({old.category for old, _ in scored})
    found = []
    for name in names if len(names) > 1 else []:
        try:
            compared = compare_pairs([pair for pair in scored if pair[0].category == name], plan)
        except SettingsError:
            # A category may lie in too few repositories for the scope; the gate itself does not.
            continue
        found.append(CategoryChange(name, compared, compared.verdict(plan)))
    return tuple(found)


def _changes(scored: Sequence[tuple[Item, Item]], *, single: bool) -> Changes:
    changes = [Change(a.label, a.category, a.score or 0.0, b.score or 0.0) for a, b in scored if a.score != b.score]
    changes.sort(key=lambda each: (-abs(each.new - each.old), each.item))
    regressed = tuple(each for each in changes if each.new < each.old)
    improved = tuple(each for each in changes if each.new > each.old)
    if not single:
        return Changes(regressed, improved, None, None)
    p = mcnemar_one_sided(len(regressed), len(improved))[1]
    return Changes(regressed, improved, p, evidence_of_regression(len(regressed), len(changes)))


def _settling(
    scored: Sequence[tuple[Item, Item]], compared: Compared, plan: Plan, samples: int, verdict: Verdict
) -> Settling:
    split = variance_split([old.passes for old, _ in scored], [new.passes for _, new in scored])
    more = _samples_needed(split, compared, plan) if split else None
    undecided = verdict is Verdict.INCONCLUSIVE
    items = compared.items_needed(plan)
    return Settling(
        detectable=detectable(compared.error, plan.alpha),
        # Where only the bootstrap of few clusters objects, more items of the same clusters would not help.
        items=items if undecided and items > compared.items else None,
        samples=more if undecided and more is not None and more > samples else None,
        split=split,
    )


def _samples_needed(split: VarianceSplit, compared: Compared, plan: Plan) -> int | None:
    """Samples per item that would settle it; of fixed items only samples vary, and clusters vary more than items do."""
    if plan.scope is Scope.BANK:
        return samples_for_margin(replace(split, between=0.0), compared.items, plan.margin, plan.alpha)
    inflated = compared.items * compared.error**2 / split.total if split.total > 0 else 1.0
    return samples_for_margin(split, compared.items / max(1.0, inflated), plan.margin, plan.alpha)


def _why_not(items: int, unasked: int) -> str:
    if unasked:
        return f"{unasked} of {counted(items, 'item')} {'was' if unasked == 1 else 'were'} not asked in both runs"
    return f"none of {counted(items, 'item')} has a score in both runs"


def _not_evaluated(plan: Plan, why: str, missing: Sequence[int], unasked: int = 0) -> GateResult:
    return GateResult(
        plan=plan,
        verdict=Verdict.NOT_EVALUATED,
        compared=None,
        samples=0,
        changes=Changes((), (), None, None),
        missing_old=missing[0],
        missing_new=missing[1],
        worst_lower=None,
        unasked=unasked,
        settling=None,
        categories=(),
        sentence=f"{Verdict.NOT_EVALUATED}: {why}.",
    )


def in_words(result: GateResult, compared: Compared, names: tuple[str, str]) -> str:
    """The verdict as a sentence that says what it is for."""
    plan, (old, new) = result.plan, names
    margin = f"{100 * plan.margin:g} points"
    if result.verdict is Verdict.PASS:
        worse = " It is worse, but by less than the margin." if compared.upper < 0 else ""
        return (
            f"PASS: on {counted(compared.items, 'paired item')} of {compared.clusters} {plan.scope.clusters}, {new}"
            f" less {old} is {points(compared.difference)} ({1 - plan.alpha:.0%} one-sided lower bound"
            f" {points(compared.lower)}). A loss larger than {margin} is excluded at the {plan.alpha:.0%} level for"
            f" {plan.scope.estimand}.{worse}"
        )
    if result.verdict is Verdict.FAIL:
        return (
            f"FAIL: {new} is worse than {old} by {-100 * compared.difference:.1f} points, upper bound"
            f" {points(compared.upper)}; a loss of more than {margin} cannot be excluded for {plan.scope.estimand}."
        )
    return f"INCONCLUSIVE: {_undecided(result, compared, margin)}"


def _undecided(result: GateResult, compared: Compared, margin: str) -> str:
    plan, settling = result.plan, result.settling
    missing = result.missing_old + result.missing_new
    if compared.verdict(plan) is Verdict.PASS:
        return (
            f"what our machinery failed decides: with {missing} INVALID items taken for lost, a loss of {margin} is not"
            f" excluded (lower bound {points(result.worst_lower)}). Run them again."
        )
    parts = [
        f"this run can neither exclude a loss of {margin} nor show a regression ({points(compared.difference)}, bounds"
        f" {points(compared.lower)} and {points(compared.upper)}). It could detect losses of"
        f" {100 * (settling.detectable if settling else 0.0):.1f} points or more (80 % power)."
    ]
    if compared.lower > -plan.margin:
        parts.append(
            f"With only {compared.clusters} {plan.scope.clusters} the wild cluster bootstrap must agree, and it does"
            f" not (p = {compared.wild_p:.3f}); {fewest_clusters(plan.alpha)} are the fewest with which it can, and"
            f" from {FEW_CLUSTERS} on it need not."
        )
    if settling and settling.items:
        more = f" or {counted(settling.samples, 'sample')} per item" if settling.samples else ""
        parts.append(f"About {counted(settling.items, 'item')}{more} would decide.")
    return " ".join(parts)
