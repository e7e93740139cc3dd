"""Turns stored runs of one model, whose tasks know the age of their functions, into the contamination gap (C1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.errors import SettingsError
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run
from pytest_cereval.results.store import Store
from pytest_cereval.source.history.freshness import Arm, Cutoff, Freshness, parse_cutoff
from pytest_cereval.statistics.effects import Effect
from pytest_cereval.statistics.gap import Gap, against_static, contamination_gap, independent_gap, unmatched
from pytest_cereval.statistics.matching import ArmItem
from pytest_cereval.statistics.memory import Probed, Remembered, remembered
from pytest_cereval.statistics.rates import Estimate, pass_rate
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.rows import StoredRun, load, require_distinct, stored
from pytest_cereval.statistics.samples import Item
from pytest_cereval.statistics.text import listed

_UNDATED = "run with --cereval-cutoff=DATE, which reads the history of the repository"


@dataclass(frozen=True, slots=True)
class Dated:
    """A stored run with its tasks by id, as the store holds them."""

    run: StoredRun
    tasks: Mapping[str, Mapping[str, Any]]

    def freshness(self, task_id: str) -> Freshness | None:
        """How old the function of a task is; None where no history was read."""
        known = self.tasks.get(task_id, {}).get("freshness")
        return Freshness.from_dict(known) if isinstance(known, dict) else None

    def static_set(self, task_id: str) -> str:
        """The public set that a task is of; empty for the repository's own."""
        return static_set_of(self.tasks.get(task_id, {}))


@dataclass(frozen=True, slots=True)
class Contamination(Record):
    """The gap between what a model may have learnt and what it cannot have.

    stale, fresh, unclear: items in each arm and in neither; undated: items without a known history, left out. arms: the
    rates of the first two. static:
    a line for each public problem set that was asked beside them and has no fresh arm. static_gap: that of public sets
    of which some were named as fresh; beyond_static: the matched gap less that. probes: secondary evidence.
    """

    models: tuple[str, ...]
    repositories: tuple[str, ...]
    cutoff: str
    guard_days: int
    stale: int
    fresh: int
    unclear: int
    undated: int
    arms: tuple[tuple[str, Estimate], ...]
    gap: Gap
    static: tuple[str, ...]
    static_gap: Effect | None
    beyond_static: Effect | None
    probes: tuple[Remembered, ...]


def dated(store: Store, run_id: str) -> Dated:
    """A run as it is stored; raises `StoreError` for one that is not there."""
    return Dated(load(store, run_id), {str(task["id"]): task for task in store.tasks(run_id)})


def contamination(
    runs: Sequence[Dated], cutoff: Cutoff, *, fresh_sets: Collection[str] = (), probed: Sequence[Probed] = ()
) -> Contamination:
    """The gap over the tasks of all runs. `fresh_sets` names public sets that are newer than the cutoff.

    Raises `SettingsError` for runs of several models, without a date, or with a task in common, and for a set that no
    run has.
    """
    models = require_one_model(runs)
    require_distinct([item for each in runs for item in each.run.items if not each.static_set(item.id)])
    arms: dict[Arm | None, list[ArmItem]] = {arm: [] for arm in (*Arm, None)}
    items: dict[Arm | None, list[Item]] = {arm: [] for arm in arms}
    for each in runs:
        for item in each.run.items:
            if not each.static_set(item.id):
                arm = _arm(each.freshness(item.id), cutoff)
                arms[arm].append(_arm_item(item, each.tasks.get(item.id, {})))
                items[arm].append(item)
    if not any(arms[arm] for arm in Arm):
        raise SettingsError("no task of these runs knows when its function was written", next_step=_UNDATED)
    public = public_items(runs)
    gap = contamination_gap(arms[Arm.STALE], arms[Arm.FRESH])
    static_gap = _static_gap(public, fresh_sets)
    return Contamination(
        models=models,
        repositories=tuple(dict.fromkeys(each.run.repository for each in runs)),
        cutoff=cutoff.day.isoformat(),
        guard_days=cutoff.guard_days,
        stale=len(arms[Arm.STALE]),
        fresh=len(arms[Arm.FRESH]),
        unclear=len(arms[Arm.UNCLEAR]),
        undated=len(arms[None]),
        arms=tuple((arm.value, pass_rate(arm.value, items[arm])) for arm in (Arm.STALE, Arm.FRESH)),
        gap=gap,
        static=tuple(unmatched(pass_rate(name, items)) for name, items in public.items()) if not static_gap else (),
        static_gap=static_gap,
        beyond_static=against_static(gap.matched, static_gap) if static_gap else None,
        probes=remembered(probed, cutoff),
    )


def gap_of(run: Run, attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]]) -> Contamination | None:
    """The gap within one run under the cutoff it was made with; None where it had none, or read no dates."""
    cutoff = str((run.provenance.get("options") or {}).get("cutoff") or "")
    if cutoff in ("", "None") or not any(task.get("freshness") for task in tasks):
        return None
    held = Dated(stored(run, attempts, tasks), {str(task["id"]): task for task in tasks})
    return contamination([held], parse_cutoff(cutoff))


def require_one_model(runs: Sequence[Dated]) -> tuple[str]:
    """The one model of all runs, by name and weights; raises `SettingsError` for several."""
    names = {(each.run.model, each.run.weights): each.run.model for each in runs}
    if len(names) != 1:
        raise SettingsError(
            f"a contamination gap of {len(names)} models: {', '.join(names.values())}",
            next_step="give runs of one model; the cutoff is that model's",
        )
    return (next(iter(names.values())),)


def public_items(runs: Sequence[Dated]) -> dict[str, list[Item]]:
    """The items of each public set in order of its name. One that several runs asked counts once, as first asked."""
    found: dict[str, dict[str, Item]] = {}
    for each in runs:
        for item in each.run.items:
            if name := each.static_set(item.id):
                found.setdefault(name, {}).setdefault(item.id, item)
    return {name: list(found[name].values()) for name in sorted(found)}


def static_set_of(task: Mapping[str, Any]) -> str:
    """The public set that a stored task is of; empty for the repository's own."""
    return str((task.get("about") or {}).get("static_set", ""))


def _static_gap(public: Mapping[str, Sequence[Item]], fresh_sets: Collection[str]) -> Effect | None:
    unknown = [name for name in fresh_sets if name not in public]
    if unknown:
        asked = f"name one of {listed(list(public))}" if public else "ask one with --cereval-static"
        raise SettingsError(f"no run has items of the public set {unknown[0]!r}", next_step=asked)
    if not fresh_sets:
        return None
    sides: dict[bool, list[ArmItem]] = {True: [], False: []}
    for name, items in public.items():
        sides[name in fresh_sets] += [_arm_item(item, {}) for item in items]
    return independent_gap("gap of the public sets", sides[False], sides[True])


def _arm(freshness: Freshness | None, cutoff: Cutoff) -> Arm | None:
    return None if freshness is None else cutoff.arm(freshness)


def _arm_item(item: Item, task: Mapping[str, Any]) -> ArmItem:
    certificate = task.get("certificate") or {}
    return ArmItem(
        id=item.id,
        score=item.score,
        length=max(1, len(str(task.get("reference", "")).splitlines())),
        complexity=1 + int(certificate.get("branches_total") or 0),
        category=item.category,
        repository=item.repository,
        function="\n".join((item.file, item.function)) if item.function else "",
    )
