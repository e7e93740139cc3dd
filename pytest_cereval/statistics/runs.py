"""Turns stored runs into reports: one run described, several compared, a new one held against an old one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pytest_cereval.errors import SettingsError
from pytest_cereval.results.store import Store
from pytest_cereval.statistics.bands import Bands, bands_of
from pytest_cereval.statistics.comparison import Comparison, compare_arms
from pytest_cereval.statistics.conditions import remarks, require_identical
from pytest_cereval.statistics.discrimination import Discrimination, discrimination
from pytest_cereval.statistics.gate import ExitCode, GateResult, judge, overall
from pytest_cereval.statistics.noninferiority import Plan, Verdict
from pytest_cereval.statistics.overturned import Overturned, claims_of, overturned
from pytest_cereval.statistics.rates import DIMENSIONS, Estimate, pass_at, pass_hat, pass_rate, rates_by, share
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.rows import StoredRun, arms_of, items_of_side, load, partial, told_apart
from pytest_cereval.statistics.rows import stored as stored
from pytest_cereval.statistics.samples import Scope
from pytest_cereval.statistics.thresholds import Threshold, ThresholdResult, apply

_KS = (1, 2, 3, 5, 10, 25, 50, 100)


@dataclass(frozen=True, slots=True)
class RunReport(Record):
    """One run in numbers that hold up. groups: rates by category, band, file and repository. parts: rates of what
    categories score beside the verdict. at_k: pass@k and pass^k for each k that the samples allow, from two samples on.
    """

    run_id: str
    model: str
    repository: str
    status: str
    overall: Estimate
    groups: dict[str, tuple[Estimate, ...]]
    controls: Estimate | None
    parts: tuple[Estimate, ...]
    at_k: tuple[Estimate, ...]
    bands: Bands
    bands_by_category: dict[str, Bands]
    overturned: tuple[Overturned, ...]


@dataclass(frozen=True, slots=True)
class CompareReport(Record):
    """Several runs. allowed: conditions that differ and were allowed to. remarks: differences that are no condition."""

    comparison: Comparison
    discrimination: tuple[tuple[str, Discrimination], ...]
    allowed: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateReport(Record):
    """The gate's answer. verdict and exit_code join the comparison with the old run, if any, and all thresholds."""

    old: str
    new: str
    verdict: Verdict
    exit_code: ExitCode
    result: GateResult | None
    thresholds: tuple[ThresholdResult, ...]
    allowed: tuple[str, ...]
    remarks: tuple[str, ...]


def describe(store: Store, run_id: str, scope: Scope = Scope.FUNCTIONS) -> RunReport:
    """What one run shows by itself: rates, bands (C3), and claims that execution overturns (C2)."""
    return describe_items(load(store, run_id), scope)


def describe_items(stored: StoredRun, scope: Scope = Scope.FUNCTIONS) -> RunReport:
    """As `describe`, for a run already loaded."""
    items = stored.items
    categories = sorted({item.category for item in items if item.band})
    controls = [item for item in items if item.control]
    samples = max((item.samples for item in items), default=0)
    return RunReport(
        run_id=stored.run.run_id,
        model=stored.model,
        repository=stored.repository,
        status=stored.run.status.value,
        overall=pass_rate("all", items, scope),
        groups={by: rates_by(items, by, scope) for by in DIMENSIONS},
        controls=pass_rate("controls", controls, scope) if controls else None,
        parts=_parts(stored, scope),
        at_k=tuple(
            estimate("all", items, k, scope)
            for k in _KS
            if samples > 1 and k <= samples
            for estimate in (pass_at, pass_hat)
        ),
        bands=bands_of(items, stored.model, scope),
        bands_by_category={
            name: bands_of([i for i in items if i.category == name], stored.model, scope) for name in categories
        },
        overturned=overturned(claims_of(stored.attempts), items, scope),
    )


def compare(
    store: Store,
    run_ids: Sequence[str],
    *,
    scope: Scope = Scope.FUNCTIONS,
    allowed: Collection[str] = (),
    families: dict[str, str] | None = None,
    seed: int = 0,
) -> CompareReport:
    """Model by repository, with rank stability and tie groups.

    Raises `NotComparable`, naming the field, where conditions differ that are not `allowed` to; `StoreError` for an
    unknown run; `SettingsError` for fewer than two runs, or two of the same model on the same repository.
    """
    loaded = [load(store, run_id) for run_id in run_ids]
    return compare_runs(loaded, scope=scope, allowed=allowed, families=families, seed=seed)


def compare_runs(
    runs: Sequence[StoredRun],
    *,
    scope: Scope = Scope.FUNCTIONS,
    allowed: Collection[str] = (),
    families: dict[str, str] | None = None,
    seed: int = 0,
) -> CompareReport:
    """As `compare`, for runs already loaded, which may come from several stores."""
    loaded = told_apart(runs)
    differing = require_identical([each.conditions for each in loaded], allowed)
    arms = arms_of(loaded)
    comparison = compare_arms(arms, scope, seed=seed)
    found = []
    for name in comparison.repositories:
        models = {arm.model: arm.items for arm in arms if arm.repository == name}
        if len(models) > 1:
            found.append((name, discrimination(models, families, seed=seed)))
    noted = (*partial(loaded), *remarks([each.conditions for each in loaded]))
    return CompareReport(comparison, tuple(found), differing, noted)


def gate(
    store: Store,
    old: str | Sequence[str],
    new: str | Sequence[str],
    plan: Plan | None = None,
    *,
    thresholds: Sequence[Threshold] = (),
    allowed: Collection[str] = (),
) -> GateReport:
    """Hold new runs against old ones, and against absolute thresholds.

    Each side is one run, or one per repository; no old run leaves the thresholds. Raises as `compare`, and
    `SettingsError` where both sides do not hold the same tasks, or the plan's scope cannot be claimed.
    """
    before, after = ([load(store, run_id) for run_id in _several(side)] for side in (old, new))
    return gate_runs(before, after, plan, thresholds=thresholds, allowed=allowed)


def gate_runs(
    before: Sequence[StoredRun],
    after: Sequence[StoredRun],
    plan: Plan | None = None,
    *,
    thresholds: Sequence[Threshold] = (),
    allowed: Collection[str] = (),
) -> GateReport:
    """As `gate`, for runs already loaded, which may come from several stores."""
    if not after:
        raise SettingsError("a gate without a new run", next_step="name the run to judge")
    plan = plan or Plan()
    judged = {each.run.run_id for each in after}
    if both := [each.run.run_id for each in before if each.run.run_id in judged]:
        raise SettingsError(
            f"run {both[0]!r} is both the old and the new one", next_step="name the run of the old model first"
        )
    conditions = [each.conditions for each in (*before, *after)]
    differing = require_identical(conditions, allowed)
    names = _side(before, "old"), _side(after, "new")
    items = [items_of_side(side) for side in (before, after)]
    result = judge(items[0], items[1], plan, names) if before else None
    held = apply(thresholds, items[1], plan.scope)
    verdict = overall([*([result] if result else []), *held])
    return GateReport(
        *names, verdict, ExitCode.of(verdict), result, held, differing, remarks(conditions) if before else ()
    )


def _several(side: str | Sequence[str]) -> Sequence[str]:
    if isinstance(side, str):
        return [side] if side else []
    return side


def _side(runs: Sequence[StoredRun], role: str) -> str:
    names = ", ".join(dict.fromkeys(each.model for each in runs))
    return f"{names} ({role})" if runs else ""


def _parts(stored: StoredRun, scope: Scope) -> tuple[Estimate, ...]:
    """One rate per category and part, of the items that have the part."""
    marks: dict[tuple[str, str], dict[str, list[bool]]] = {}
    for attempt in stored.attempts:
        for part, reached in attempt.scores.items() if attempt.verdict.is_scored else ():
            marks.setdefault((attempt.category, part), {}).setdefault(attempt.task_id, []).append(reached)
    known = {item.id: item for item in stored.items}
    return tuple(
        share(
            f"{category}: {part}",
            f"share {part}",
            [replace(known[item], passes=tuple(passes), invalid=0) for item, passes in found.items()],
            scope,
        )
        for (category, part), found in sorted(marks.items())
    )
