"""Turns a run, its tasks and its gate into the charts that compare: kill-share, contamination, regressed items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_cereval.errors import CerevalError
from pytest_cereval.report.charts import Bar, Step, effects, shares, steps
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run
from pytest_cereval.statistics.contamination import gap_of
from pytest_cereval.statistics.rates import Estimate, pass_rate
from pytest_cereval.statistics.samples import Item, items_of

if TYPE_CHECKING:
    from pytest_cereval.statistics.contamination import Contamination
    from pytest_cereval.statistics.gate import Change, Changes

Charts = list[tuple[str, Any]]
_SHOWN = 20
_KILLED = ((0.0, 0.9, "below 90 %"), (0.9, 1.0, "90 % to below all"), (1.0, 2.0, "all"))


def comparing(
    attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]], run: Run, changes: Changes | None
) -> Charts:
    """Title and SVG of each chart that there are numbers for."""
    items = items_of(attempts, tasks)
    return [*changed(changes), *contaminated(run, attempts, tasks), *by_kill_share(items, tasks)]


def changed(changes: Changes | None) -> Charts:
    """The items that differ from the baseline, the largest change first."""
    found: Charts = []
    for name, rows in (("Regressed", changes.regressed), ("Improved", changes.improved)) if changes else ():
        if rows:
            cut = f", the first {_SHOWN} of {len(rows)}" if len(rows) > _SHOWN else f": {len(rows)}"
            title = f"{name} items against the baseline{cut}"
            found.append((title, steps(title, [_step(each) for each in rows[:_SHOWN]])))
    return found


def contaminated(run: Run, attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]]) -> Charts:
    """Old and new functions, and the gap between them; nothing where the run had no cutoff or read no dates."""
    try:
        found = gap_of(run, attempts, tasks)
    except CerevalError:
        found = None  # a chart is no place to fail a report; `cereval contamination` says what is wrong
    if found is None:
        return []
    arms = [Bar(name, rate.value, rate.low, rate.high, _note(rate)) for name, rate in found.arms]
    title = f"Old and new functions, cutoff {found.cutoff}"
    gap = "Contamination gap, stale less fresh"
    return [(title, shares(title, arms)), (gap, effects(gap, _gaps(found)))]


def by_kill_share(items: Sequence[Item], tasks: Sequence[Mapping[str, Any]]) -> Charts:
    """The pass rate by how many of a function's mutants its hidden inputs tell from it; for two groups or more."""
    known = {str(task["id"]): _kill_share(task) for task in tasks}
    groups = {
        name: [item for item in items if (share := known.get(item.id)) is not None and low <= share < high]
        for low, high, name in _KILLED
    }
    rates = [pass_rate(name, group) for name, group in groups.items() if any(item.passes for item in group)]
    title = "Pass rate by share of mutants killed"
    if len(rates) < 2:
        return []
    return [(title, shares(title, [Bar(rate.name, rate.value, rate.low, rate.high, _note(rate)) for rate in rates]))]


def _kill_share(task: Mapping[str, Any]) -> float | None:
    certificate = task.get("certificate")
    if not isinstance(certificate, Mapping) or not certificate.get("mutants_total"):
        return None
    return float(certificate.get("mutants_killed", 0)) / float(certificate["mutants_total"])


def _gaps(found: Contamination) -> list[Bar]:
    return [
        Bar(name, each.value, each.low, each.high, each.status.value)
        for name, each in (("matched pairs", found.gap.matched), ("all items, not matched", found.gap.simple))
    ]


def _note(rate: Estimate) -> str:
    return f"{rate.items} items" if rate.items != 1 else "1 item"


def _step(change: Change) -> Step:
    return Step(change.item, change.old, change.new)
