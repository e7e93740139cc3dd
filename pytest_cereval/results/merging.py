"""Turns the runs of shards, each in a store of its own or all in one, into one run of a new store.

Only parts of the same whole are put together: the same commit, rules, settings, model and way of drawing. What a part
asked keeps its place in the order of the whole suite, so that the merged record is that of one run less its times.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_cereval.errors import StoreError
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.results.store import Store, StoredCompletion

SAME = (
    "shard.count", "repository.name", "repository.commit", "repository.tree_hash", "rules_version", "suite.functions",
    "suite.settings", "model_keys", "sampling", "decoding", "generated_only", "sandbox.level", "interpreter.version",
    "versions.pytest-cereval",
)  # fmt: skip
"""What all parts of a whole have in common, as paths into their provenance; `suite.settings` is all but the sizes."""
_SIZES = ("functions", "tasks")
_OF_A_PART = (
    *("shard", "machine", "versions", "command", "options", "scored_from", "suite", "sandbox", "model"),
    "reused",
)


@dataclass(frozen=True, slots=True)
class Part:
    """The run of one shard with all that it holds."""

    path: Path
    run: Run
    number: int
    tasks: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    attempts: list[Attempt]
    completions: list[StoredCompletion]


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it; `missing` are the numbers of shards that nobody brought."""

    run_id: str
    count: int
    missing: tuple[int, ...]
    tasks: int
    attempts: tuple[Attempt, ...]


def merge(target: Path, sources: Sequence[Path]) -> Merged:
    """Write the new store `target`; raises `StoreError` naming the first field in which two parts differ.

    From each source the newest run of each shard is taken, of those that belong to the newest run there.
    """
    if target.exists():
        raise StoreError(f"{target} is there already", next_step="name a new file for the merged run")
    parts = sorted((part for path in dict.fromkeys(sources) for part in _parts(path)), key=lambda part: part.number)
    _check(parts)
    count = int(parts[0].run.provenance["shard"]["count"])
    missing = tuple(sorted(set(range(1, count + 1)) - {part.number for part in parts}))
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with Store.open(unfinished) as store:
            made = _write(store, parts, count, missing)
        unfinished.replace(target)
    finally:
        for left in (unfinished, *(unfinished.with_name(unfinished.name + end) for end in ("-wal", "-shm"))):
            with contextlib.suppress(OSError):
                left.unlink()
    return made


def _parts(path: Path) -> Iterator[Part]:
    with Store.open(path, must_exist=True) as store:
        shards = [run for run in reversed(store.runs()) if run.provenance.get("shard")]
        if not shards:
            raise StoreError(f"{path} holds no run of a shard", next_step="make one with --cereval-shard=I/N")
        newest: dict[int, Run] = {}
        for run in shards:
            if _common(run) == _common(shards[0]):
                newest.setdefault(int(run.provenance["shard"]["number"]), run)
        for number, run in newest.items():
            run_id = run.run_id
            held = store.tasks(run_id), store.ledger(run_id), store.attempts(run_id), store.completions(run_id)
            yield Part(path, run, number, *held)


def _common(run: Run) -> dict[str, Any]:
    return {name: _at(run.provenance, name) for name in SAME}


def _at(provenance: dict[str, Any], name: str) -> Any:
    if name == "suite.settings":
        return {key: value for key, value in provenance.get("suite", {}).items() if key not in _SIZES}
    found: Any = provenance
    for key in name.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _check(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        for name in SAME:
            one, other = _at(first.run.provenance, name), _at(part.run.provenance, name)
            if one != other:
                raise StoreError(
                    f"{part.path} does not belong to {first.path}: {name} is {_shown(other)}, there {_shown(one)}",
                    next_step="merge shards of one commit, made with the same settings and model",
                )
        if part.ledger != first.ledger:
            raise StoreError(
                f"{part.path} does not belong to {first.path}: the ledgers differ, so other functions got no task",
                next_step="make all shards with the same packages installed",
            )
    for one, other in itertools.pairwise(parts):
        if one.number == other.number:
            raise StoreError(
                f"shard {one.number} is there twice: run {one.run.run_id} of {one.path}, run {other.run.run_id} of "
                f"{other.path}",
                next_step="leave out one of them",
            )


def _shown(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:40]}… (sha256 {hashlib.sha256(text.encode()).hexdigest()[:12]})"


def _write(store: Store, parts: Sequence[Part], count: int, missing: tuple[int, ...]) -> Merged:
    ids = "\n".join(part.run.run_id for part in parts)
    run_id = f"merged-{hashlib.sha256(ids.encode()).hexdigest()[:12]}"
    tasks = _in_order(
        (position * count + part.number, task) for part in parts for position, task in enumerate(part.tasks)
    )
    store.begin_run(run_id, _provenance(parts, count, missing, len(tasks)), started=min(_begun(parts)))
    store.save_tasks(run_id, tasks, parts[0].ledger)
    store.save_completions(run_id, [each for part in parts for each in part.completions])
    for part in parts:
        for attempt in part.attempts:
            store.save_attempt(replace(attempt, run_id=run_id))
    whole = not missing and all(part.run.status is RunStatus.finished for part in parts)
    ended = max(part.run.ended or part.run.started for part in parts)
    store.end_run(run_id, "finished" if whole else "interrupted", ended=ended)
    return Merged(run_id, count, missing, len(tasks), tuple(store.attempts(run_id)))


def _in_order(placed: Iterable[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [task for _, task in sorted(placed, key=lambda each: each[0])]


def _begun(parts: Sequence[Part]) -> list[str]:
    return [part.run.started for part in parts]


def _provenance(parts: Sequence[Part], count: int, missing: tuple[int, ...], tasks: int) -> dict[str, Any]:
    """The first part's, with the size of the whole, and for each part what is its own."""
    first = parts[0].run.provenance
    own = [
        {
            "number": part.number,
            "run_id": part.run.run_id,
            "started": part.run.started,
            "ended": part.run.ended,
            "status": part.run.status.value,
            **{name: part.run.provenance.get(name) for name in _OF_A_PART if name != "shard"},
        }
        for part in parts
    ]
    whole = {"count": count, "missing": list(missing), "parts": own}
    return {**first, "suite": {**first["suite"], "tasks": tasks}, "shard": {}, "merged": whole}
