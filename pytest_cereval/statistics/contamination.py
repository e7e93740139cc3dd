"""Turns stored runs of one model, whose tasks know the age of their functions, into the contamination gap (C1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.errors import SettingsError
from pytest_cereval.results.store import Store
from pytest_cereval.source.history.freshness import Arm, Cutoff, Freshness
from pytest_cereval.statistics.gap import Gap, contamination_gap, unmatched
from pytest_cereval.statistics.matching import ArmItem
from pytest_cereval.statistics.rates import pass_rate
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.runs import StoredRun, load
from pytest_cereval.statistics.samples import Item


@dataclass(frozen=True, slots=True)
class Dated:
    """A stored run with its tasks by id, as the store holds them."""

    run: StoredRun
    tasks: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Contamination(Record):
    """The gap between what a model may have learnt and what it cannot have.

    stale, fresh, unclear: items in each arm and in neither; undated: items without a known history, left out. static:
    a line for each public problem set that was asked beside them, which has no fresh arm and is not matched.
    """

    models: tuple[str, ...]
    repositories: tuple[str, ...]
    cutoff: str
    guard_days: int
    stale: int
    fresh: int
    unclear: int
    undated: int
    gap: Gap
    static: tuple[str, ...]


def dated(store: Store, run_id: str) -> Dated:
    """A run as it is stored; raises `StoreError` for one that is not there."""
    return Dated(load(store, run_id), {str(task["id"]): task for task in store.tasks(run_id)})


def contamination(runs: Sequence[Dated], cutoff: Cutoff) -> Contamination:
    """The gap over the tasks of all runs; raises `SettingsError` for runs of several models, or without a date."""
    models = tuple(dict.fromkeys(each.run.model for each in runs))
    if len(models) != 1:
        raise SettingsError(
            f"a contamination gap of {len(models)} models: {', '.join(models)}",
            next_step="give runs of one model; the cutoff is that model's",
        )
    arms: dict[Arm | None, list[ArmItem]] = {arm: [] for arm in (*Arm, None)}
    public: dict[str, list[Item]] = {}
    for each in runs:
        for item in each.run.items:
            task = each.tasks.get(item.id, {})
            name = str((task.get("about") or {}).get("static_set", ""))
            if name:
                public.setdefault(name, []).append(item)
            else:
                arms[_arm(task, cutoff)].append(_arm_item(item, task))
    if not any(arms[arm] for arm in Arm):
        raise SettingsError(
            "no task of these runs knows when its function was written",
            next_step="run with --cereval-cutoff=DATE, which reads the history of the repository",
        )
    return Contamination(
        models=models,
        repositories=tuple(dict.fromkeys(each.run.repository for each in runs)),
        cutoff=cutoff.day.isoformat(),
        guard_days=cutoff.guard_days,
        stale=len(arms[Arm.STALE]),
        fresh=len(arms[Arm.FRESH]),
        unclear=len(arms[Arm.UNCLEAR]),
        undated=len(arms[None]),
        gap=contamination_gap(arms[Arm.STALE], arms[Arm.FRESH]),
        static=tuple(unmatched(pass_rate(name, items)) for name, items in sorted(public.items())),
    )


def _arm(task: Mapping[str, Any], cutoff: Cutoff) -> Arm | None:
    known = task.get("freshness")
    return cutoff.arm(Freshness.from_dict(known)) if isinstance(known, dict) else None


def _arm_item(item: Item, task: Mapping[str, Any]) -> ArmItem:
    certificate = task.get("certificate") or {}
    return ArmItem(
        id=item.id,
        score=item.score,
        length=max(1, len(str(task.get("reference", "")).splitlines())),
        complexity=1 + int(certificate.get("branches_total") or 0),
        category=item.category,
        repository=item.repository,
    )
