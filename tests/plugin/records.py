"""Reads what runs left behind, for tests that compare them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_cereval.models.replay import record_line
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.export import export_json
from pytest_cereval.results.run import Run
from pytest_cereval.results.store import Store
from pytest_cereval.tasks.suite import Suite
from tests.plugin.conftest import completion

STORE = ".cereval/cereval.sqlite"
# What depends on when a run was and how it came to its end, not on what it found.
_TIMES = ("started", "ended", "judge_s", "prefill_s", "decode_s", "wall_s")
_COURSE = ("run_id", "reused", "command", "options", "n_loads")


def attempts(folder: Path, run_id: str = "") -> list[Attempt]:
    """Those of the latest run, in order of task and sample."""
    with Store.open(folder / STORE, must_exist=True) as store:
        return store.attempts(run_id or store.latest_run_id() or "")


def latest(folder: Path) -> Run:
    """The run begun last."""
    with Store.open(folder / STORE, must_exist=True) as store:
        return store.run(store.latest_run_id() or "")


def record(folder: Path) -> str:
    """The latest run's whole export, less times and less what tells one way to the end from another."""
    file = folder / "export.json"
    with Store.open(folder / STORE, must_exist=True) as store:
        export_json(store, store.latest_run_id() or "", file)
    text = json.dumps(_without(json.loads(file.read_text())), indent=1, sort_keys=True)
    # The judge draws the second hash seed of each check so that no answer can foresee it.
    return re.sub(r"(hash seeds 0 and )[0-9]+", r"\1N", text)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in (*_TIMES, *_COURSE)}
    return [_without(each) for each in value] if isinstance(value, list) else value


def sampled(file: Path, suite: Suite, answers: Mapping[str, Sequence[str]]) -> str:
    """A `replay:` model with several answers to each task, by the task's name."""
    lines = [record_line(task.prompt, completion(text)) for task in suite.tasks for text in answers.get(task.name, ())]
    file.write_text("".join(line if line.endswith("\n") else line + "\n" for line in lines))
    return f"replay:{file}"
