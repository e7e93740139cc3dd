"""Turns a stored run and its model into the answers to memorisation probes, and those into scores.

Probes are kept in the same store, as a run that says whose probes it holds: every answer is on disk before the next is
asked, and one that the store has already is not asked again.
"""

from __future__ import annotations

import dataclasses
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.asking import model_key
from pytest_cereval.errors import CerevalError, SettingsError
from pytest_cereval.models.model import LoadSettings, Model, Sampling, prompt_sha256
from pytest_cereval.probes.completion import PrefixScore
from pytest_cereval.probes.prompts import prompts_sha256
from pytest_cereval.probes.questions import Kind, Probe, probes_of, score
from pytest_cereval.results.printing import counted, one_line
from pytest_cereval.results.provenance import code_sha256, machine, versions
from pytest_cereval.results.run import Run
from pytest_cereval.results.store import Store
from pytest_cereval.source.history.freshness import Freshness
from pytest_cereval.statistics.memory import Probed
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.rows import model_of

MAX_TOKENS = 1024
PROBES_OF = "probes_of"
NEXT_LINE = "prefix completion: next line word by word"
FIVE_GRAMS = "prefix completion: share of 5-grams"
RENAMED = "renamed twin: loss of 5-grams under other names"
COUNTERFACTUAL = "counterfactual twin: answered with the original body"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Asked(Record):
    """What became of the probes of a run: how many there are, were asked now, were known, and could not be asked."""

    run_id: str
    probes: int
    asked: int
    known: int
    failed: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """For people."""
        head = f"{counted(self.probes, 'probe')}: {self.asked} asked, {self.known} known from before, "
        return [f"{head}{len(self.failed)} could not be asked (run {self.run_id})", *map(one_line, self.failed)]


def load_settings(run: Run) -> LoadSettings:
    """How the model of a stored run was loaded, so that its probes are asked in the same way."""
    options = run.provenance.get("options")
    known: Mapping[str, str] = options if isinstance(options, dict) else {}
    usual = LoadSettings()
    context = int(known.get("ctx", usual.n_ctx))
    threads = int(known.get("threads", 0) or 0)
    return LoadSettings(
        n_ctx=context,
        n_batch=min(512, context),
        n_gpu_layers=int(known.get("gpu-layers", usual.n_gpu_layers)),
        flash_attn=known.get("flash-attn", "on") == "on",
        type_k=known.get("type-k", usual.type_k),
        type_v=known.get("type-v", usual.type_v),
        n_threads=threads or None,
        plain=known.get("plain-prompt", "False") == "True",
    )


def ask_probes(
    store: Store, run_id: str, model: Model, progress: Progress, *, sampling: Sampling | None = None, limit: int = 0
) -> Asked:
    """Ask the probes of a run's functions; `limit` functions at most, 0 for all. A probe that the model cannot be asked
    is named and left out.

    Raises `SettingsError` for another model than the run's, and where nothing is known to probe.
    """
    run = store.run(run_id)
    probes = _limited(probes_of(store.tasks(run_id), _project(run)), limit)
    if run.provenance.get(PROBES_OF) or not probes:
        raise SettingsError(f"run {run_id!r} holds no function to probe", next_step="name a run of an evaluation")
    description = model.describe()
    _require_model(run, description)
    drawn = sampling or Sampling(max_tokens=MAX_TOKENS)
    key = model_key(description, drawn)
    begun = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + f"-{secrets.token_hex(2)}"
    store.begin_run(begun, _provenance(run, description, drawn, key, len(probes)))
    store.save_tasks(begun, [each.to_dict() for each in probes], [])
    known, failed = 0, []
    status = "interrupted"
    try:
        for number, probe in enumerate(probes):
            progress("probes", number, len(probes))
            digest = prompt_sha256(probe.prompt)
            found = store.find_completion(probe.id, 0, digest, key)
            known += found is not None
            try:
                answer = found or model.complete(probe.prompt, drawn).to_dict()
            except CerevalError as error:
                failed.append(f"{probe.to_dict()['name']}: {error.what}")
                continue
            store.save_completion(begun, probe.id, 0, digest, key, answer)
        status = "finished"
    finally:
        store.end_run(begun, status)
    return Asked(begun, len(probes), len(probes) - known - len(failed), known, tuple(failed))


def probed(store: Store, run_id: str) -> tuple[Probed, ...]:
    """The scores of all probes of a run that were asked as the newest of them; empty where none were.

    A probe without an answer has no score.
    """
    runs = [run for run in store.runs() if run.provenance.get(PROBES_OF) == run_id]
    if not runs:
        return ()
    alike = [run.run_id for run in runs if run.provenance.get("model_key") == runs[-1].provenance.get("model_key")]
    texts = {each.task_id: str(each.completion["text"]) for name in alike for each in store.completions(name)}
    tasks = {str(task["id"]): task for name in alike for task in store.tasks(name)}
    scored: dict[tuple[str, str], dict[Kind, tuple[dict[str, Any], PrefixScore | bool | None]]] = {}
    for task in tasks.values():
        kept = task["probe"]
        kind = Kind(kept["kind"])
        answer = texts.get(task["id"])
        found = None if answer is None else score(kind, kept["given"], kept["expected"], answer)
        scored.setdefault((str(task.get("path", "")), f"{task['function']} {kept['task']}"), {})[kind] = (task, found)
    return tuple(each for kinds in scored.values() for each in _measured(kinds, _project(runs[-1])))


def _measured(kinds: Mapping[Kind, tuple[dict[str, Any], Any]], project: str) -> list[Probed]:
    """The measures of one function."""
    found = []
    for kind, (task, score_) in kinds.items():
        if kind is Kind.PREFIX:
            found.append(_probed(NEXT_LINE, task, project, None if score_ is None else float(score_.next_line)))
            found.append(_probed(FIVE_GRAMS, task, project, None if score_ is None else score_.five_grams))
        elif kind is Kind.COUNTERFACTUAL:
            found.append(_probed(COUNTERFACTUAL, task, project, None if score_ is None else float(score_)))
        elif kind is Kind.OTHER_NAMES:
            own = kinds[Kind.OWN_NAMES][1] if Kind.OWN_NAMES in kinds else None
            loss = None if own is None or score_ is None else own.five_grams - score_.five_grams
            found.append(_probed(RENAMED, task, project, loss, signed=True))
    return found


def _probed(
    measure: str, task: Mapping[str, Any], project: str, value: float | None, *, signed: bool = False
) -> Probed:
    dates = task.get("freshness")
    return Probed(
        measure=measure,
        function=str(task["function"]),
        repository=project,
        score=value,
        freshness=Freshness.from_dict(dates) if isinstance(dates, dict) else None,
        static_set=str((task.get("about") or {}).get("static_set", "")),
        signed=signed,
    )


def _limited(probes: Sequence[Probe], limit: int) -> list[Probe]:
    """The probes of the first functions, in the order of the run's tasks, which is a stratified one."""
    functions = list(dict.fromkeys(str(each.about["id"]) for each in probes))
    chosen = set(functions[:limit] if limit else functions)
    return [each for each in probes if str(each.about["id"]) in chosen]


def _project(run: Run) -> str:
    repository = run.provenance.get("repository")
    return str(repository.get("name", "")) if isinstance(repository, dict) else ""


def _require_model(run: Run, description: Mapping[str, Any]) -> None:
    name, weights = model_of(run.provenance)
    given = str(description.get("sha256") or "")
    if weights and given and weights != given:
        raise SettingsError(
            f"run {run.run_id!r} is of {name} with sha256 {weights[:12]}, and the model given has {given[:12]}",
            next_step="give the file that the run was made with; what another model knows by heart is its own",
        )


def _provenance(run: Run, description: dict[str, Any], drawn: Sampling, key: str, count: int) -> dict[str, Any]:
    return {
        PROBES_OF: run.run_id,
        "repository": run.provenance.get("repository", {}),
        "suite": {"probes": count, "prompts_sha256": prompts_sha256()},
        "model": description,
        "model_key": key,
        "sampling": [dataclasses.asdict(drawn)],
        "machine": machine(),
        "versions": versions(),
        "code_sha256": code_sha256(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }
