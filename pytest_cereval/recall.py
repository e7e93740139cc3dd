"""Turns what a store holds into answers that need not be asked again: for a run that goes on, or is scored apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.asking import Known
from pytest_cereval.errors import SettingsError, StoreError
from pytest_cereval.models.model import Sampling, prompt_sha256
from pytest_cereval.results.store import Store
from pytest_cereval.tasks.task import Task

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Recalled:
    """The answers of one run, who gave them, and how they were drawn. `keys` has a model key for each sample.

    `together` is how many were decoded in one batch, 1 where each was decoded alone.
    """

    run_id: str
    known: Known
    model: dict[str, Any]
    samplings: tuple[Sampling, ...]
    keys: tuple[str, ...]
    together: int = 1


def resumable(store: Store, tasks: Sequence[Task], keys: Sequence[str]) -> Known:
    """The newest answer of any run to each question under the same key; never an empty, timed-out or failed one."""
    known: Known = {}
    for task in tasks:
        digest = prompt_sha256(task.prompt)
        for sample, key in enumerate(keys):
            found = store.find_completion(task.id, sample, digest, key)
            if found is not None:
                known.setdefault(task.id, {})[str(sample)] = found
    return known


def recalled(store: Store, run_id: str, tasks: Sequence[Task]) -> Recalled:
    """All that one run was answered, as it was answered: what is empty there counts as the model's answer here too.

    Raises `StoreError` for a run that is not there or does not say how it asked, and `SettingsError` for one that asked
    none of the tasks.
    """
    chosen = store.latest_run_id() if run_id == LATEST else run_id
    if chosen is None:
        raise StoreError(
            f"{store.path} holds no run yet",
            next_step="ask first, with --cereval-generate-only, or name another --cereval-store=FILE",
        )
    provenance = store.run(chosen).provenance
    if "sampling" not in provenance or "model_keys" not in provenance:
        raise StoreError(
            f"run {chosen!r} does not say how its answers were drawn: it was made by an earlier version",
            next_step="ask again with --cereval-generate-only",
        )
    digests = {task.id: prompt_sha256(task.prompt) for task in tasks}
    known: Known = {}
    for each in store.completions(chosen):
        if digests.get(each.task_id) == each.prompt_sha256:
            known.setdefault(each.task_id, {})[str(each.sample)] = each.completion
    if tasks and not known:
        commit = provenance.get("repository", {}).get("commit", "an unknown commit")
        raise SettingsError(
            f"--cereval-score={run_id}: run {chosen!r} answered none of these {len(tasks)} tasks; "
            f"it asked about {commit}",
            next_step="give the run's own repository, commit and settings",
        )
    samplings = tuple(Sampling(**each) for each in provenance["sampling"])
    together = provenance.get("decoding", {}).get("together", 1)
    return Recalled(chosen, known, provenance["model"], samplings, tuple(provenance["model_keys"]), together)
