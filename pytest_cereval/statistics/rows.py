"""Turns the rows of a store into runs with their items, and several runs into the sides of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from pytest_cereval.errors import SettingsError
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run
from pytest_cereval.results.store import Store
from pytest_cereval.statistics.comparison import Arm
from pytest_cereval.statistics.conditions import Conditions, conditions_of
from pytest_cereval.statistics.samples import Item, grouped, items_of, not_asked


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with its items."""

    run: Run
    model: str
    weights: str
    repository: str
    items: tuple[Item, ...]
    attempts: tuple[Attempt, ...]
    conditions: Conditions


def load(store: Store, run_id: str) -> StoredRun:
    """A run as it is stored; raises `StoreError` for one that is not there."""
    return stored(store.run(run_id), store.attempts(run_id), store.tasks(run_id))


def stored(run: Run, attempts: Sequence[Attempt], tasks: Sequence[Mapping[str, Any]]) -> StoredRun:
    """A run from its rows."""
    conditions = conditions_of(run, (str(task["id"]) for task in tasks))
    model, weights = model_of(run.provenance)
    items = items_of(attempts, tasks, conditions.repository)
    return StoredRun(run, model, weights, conditions.repository, items, tuple(attempts), conditions)


def model_of(provenance: dict[str, Any]) -> tuple[str, str]:
    """A model's name, which is its file's without the ending, and a digest of what it is; texts, empty if unknown."""
    known = provenance.get("model")
    described = known if isinstance(known, dict) else {}
    name = PurePath(str(described.get("file") or described.get("spec") or described.get("kind") or "model"))
    return name.stem if name.suffix.lower() in (".gguf", ".jsonl", ".json") else name.name, str(
        described.get("sha256") or ""
    )


def require_distinct(items: Iterable[Item]) -> None:
    """Raise `SettingsError`, naming one, where a task occurs twice: the same item is not two observations."""
    known: set[str] = set()
    for item in items:
        if item.id in known:
            raise SettingsError(
                f"task {item.label} ({item.id}) is in two of the runs", next_step="give each run, or each part, once"
            )
        known.add(item.id)


def partial(runs: Sequence[StoredRun]) -> tuple[str, ...]:
    """A line per run that did not ask all of its tasks."""
    missing = [(each, len(not_asked(each.items))) for each in runs]
    return tuple(
        f"run {each.run.run_id} did not ask {count} of its {len(each.items)} items; its rate is that of the others"
        for each, count in missing
        if count
    )


def items_of_side(runs: Sequence[StoredRun]) -> list[Item]:
    """The items of all runs of one side. A public set may stand beside several repositories and counts once."""
    own = [item for each in runs for item in each.items if item.repository == each.repository]
    require_distinct(own)
    public: dict[str, Item] = {}
    for each in runs:
        for item in each.items:
            if item.repository != each.repository:
                public.setdefault(item.id, item)
    return [*own, *public.values()]


def arms_of(runs: Sequence[StoredRun]) -> list[Arm]:
    """One arm per run, and one per model and public set, from the first run that asked it."""
    own: list[Arm] = []
    public: dict[tuple[str, str], Arm] = {}
    for each in runs:
        groups = grouped(each.items, "repository")
        own.append(Arm(each.model, each.repository, each.run.run_id, groups.pop(each.repository, ())))
        for name, items in groups.items():
            public.setdefault((each.model, name), Arm(each.model, name, each.run.run_id, items))
    return [*own, *public.values()]


def told_apart(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Two different models of one name are told apart by the beginning of their digests."""
    weights: dict[str, set[str]] = {}
    for each in runs:
        weights.setdefault(each.model, set()).add(each.weights)
    return [
        replace(each, model=f"{each.model} {each.weights[:8]}") if len(weights[each.model]) > 1 else each
        for each in runs
    ]
