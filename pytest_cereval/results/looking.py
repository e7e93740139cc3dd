"""Turns a few typed characters into the run, task or attempt of a store that they name."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_cereval.errors import StoreError
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run
from pytest_cereval.results.statistics import Summary, summarise
from pytest_cereval.results.store import Store

LATEST = "latest"
_SHORTEST_PREFIX = 4
_LISTED = 6
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run with its attempts, and what it did not ask by reason."""

    run: Run
    tasks: int
    without_task: dict[str, int]
    attempts: Sequence[Attempt]

    @property
    def summary(self) -> Summary:
        """The run in numbers."""
        return summarise(self.attempts)

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {
            "kind": "run",
            "run": self.run.to_dict(),
            "tasks": self.tasks,
            "without_task": self.without_task,
            "statistics": dataclasses.asdict(self.summary),
            "attempts": [each.without_texts().to_dict() for each in self.attempts],
        }


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A task as it was stored last, and the attempts at it, the oldest run first."""

    task: dict[str, Any]
    attempts: Sequence[Attempt]

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {
            "kind": "task",
            "task": self.task,
            "attempts": [each.without_texts().to_dict() for each in self.attempts],
        }


@dataclass(frozen=True, slots=True)
class FoundAttempt:
    """An attempt with its task and its run."""

    attempt: Attempt
    task: dict[str, Any]
    run: Run

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {
            "kind": "attempt",
            "attempt": self.attempt.to_dict(),
            "task": self.task,
            "run": self.run.to_dict(),
        }


Found = FoundRun | FoundTask | FoundAttempt


def find(store: Store, what: str) -> Found:
    """What is meant by a run's id or the beginning of one, a task's id or name, `RUN/TASK` or `RUN/TASK/SAMPLE`.

    `latest` stands for the newest run. Raises `StoreError` where nothing, or more than one thing, fits.
    """
    runs = _runs(store)
    first, slash, rest = what.partition("/")
    run = _run(runs, first)
    if run is None:
        return _task(store, [each.run_id for each in runs], what)
    if not slash:
        reasons = Counter(str(each.get("reason")) for each in store.ledger(run.run_id) if not each.get("category"))
        known = store.tasks(run.run_id)
        return FoundRun(run, len(known), dict(reasons.most_common()), store.attempts(run.run_id))
    return _attempt(store, run, rest)


def find_run(store: Store, wanted: str) -> Run:
    """The run with this id or the beginning of one, or the newest for `latest`; raises `StoreError`."""
    found = _run(_runs(store), wanted)
    if found is None:
        raise StoreError(
            f"{store.path} holds no run {wanted!r}", next_step=f"`cereval runs --store={store.path}` lists them"
        )
    return found


def _runs(store: Store) -> list[Run]:
    runs = store.runs()
    if not runs:
        raise StoreError(f"{store.path} holds no run yet", next_step="run pytest --cereval-repo=PATH first")
    return runs


def _run(runs: Sequence[Run], wanted: str) -> Run | None:
    if wanted == LATEST:
        return runs[-1]
    found = [each for each in runs if each.run_id == wanted] or [
        each for each in runs if len(wanted) >= _SHORTEST_PREFIX and each.run_id.startswith(wanted)
    ]
    return _only(found, lambda each: each.run_id, "runs", wanted)


def _attempt(store: Store, run: Run, rest: str) -> FoundAttempt | FoundTask:
    wanted, _, last = rest.rpartition("/")
    sample = int(last) if wanted and last.isdecimal() else None
    found = _task(store, [run.run_id], rest if sample is None else wanted)
    attempts = [each for each in found.attempts if sample in (None, each.sample)]
    if not attempts:
        samples = ", ".join(str(each.sample) for each in found.attempts) or "none"
        raise StoreError(
            f"run {run.run_id!r} holds no sample {sample} of this task", next_step=f"choose one of: {samples}"
        )
    return FoundAttempt(attempts[0], found.task, run) if len(attempts) == 1 else FoundTask(found.task, attempts)


def _task(store: Store, run_ids: Sequence[str], wanted: str) -> FoundTask:
    tasks: dict[str, dict[str, Any]] = {}
    attempts: list[Attempt] = []
    for run_id in run_ids:
        tasks |= {str(task["id"]): task for task in store.tasks(run_id)}
        attempts += store.attempts(run_id)
    names = {task_id: str(task.get("name", "")) for task_id, task in tasks.items()}
    names |= {each.task_id: each.task_name for each in attempts}
    ways = (
        [one for one in names if one == wanted],
        [one for one, name in names.items() if name == wanted],
        [one for one in names if len(wanted) >= _SHORTEST_PREFIX and one.startswith(wanted)],
        [one for one, name in names.items() if name.endswith(f".{wanted}")],
    )
    fitting = next((way for way in ways if way), [])
    # The same name in several runs is one function; its newest task stands for it.
    if len({names[one] for one in fitting}) > 1:
        _only(fitting, lambda one: f"{names[one]} ({one})", "tasks", wanted)
    if not fitting:
        raise StoreError(
            f"{store.path} holds no run and no task {wanted!r}",
            next_step="`cereval runs` lists runs, `cereval inspect RUN` the tasks of one",
        )
    return FoundTask(tasks.get(fitting[-1], {}), [each for each in attempts if each.task_id in fitting])


def _only(found: Sequence[Item], shown: Callable[[Item], str], kind: str, wanted: str) -> Item | None:
    if len(found) > 1:
        listed: Iterable[str] = (shown(each) for each in found[:_LISTED])
        raise StoreError(f"{wanted!r} fits {len(found)} {kind}", next_step=f"give more of one: {', '.join(listed)}")
    return found[0] if found else None
