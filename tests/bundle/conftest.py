"""A store with two runs, the bundle of the second, and tools to tamper with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.canonical import canonical, sha256
from pytest_cereval.bundle.verify import verify
from pytest_cereval.bundle.write import write_bundle
from pytest_cereval.models.model import Prompt, prompt_sha256
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.provenance import code_sha256
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import a_completion, an_attempt

RUN = "20260102-101500-ab12"
OTHER = "20260101-090000-cd34"
HALF = "a \ud800 half"
ELSEWHERE = "only the other run says this"
VERDICTS = (Verdict.PASS, Verdict.FAIL_WRONG, Verdict.NO_ANSWER, Verdict.INVALID, Verdict.PASS)
PROVENANCE: dict[str, Any] = {
    "repository": {"name": "shop", "commit": "a1" * 20, "tree_hash": "b2" * 20, "date": "2024-05-01", "dirty": False},
    "rules_version": 1,
    "suite": {"functions": 9, "tasks": 5, "limit": 0, "categories": ["code_generation"], "context_tokens": 2000},
    "model": {"kind": "llama.cpp", "file": "small.gguf", "sha256": "c3" * 32, "parts": [], "load_settings": {}},
    "sampling": [{"temperature": 0.0, "seed": 0}],
    "options": {"gate": "0.5", "limit": "0", "evaluator": "QA, first party"},
    "versions": {"pytest-cereval": "0.1.0"},
    "machine": {"cores": 2},
    "code_sha256": code_sha256(),
}


def a_task(number: int) -> dict[str, Any]:
    """A task as a store keeps it."""
    return {
        "id": f"{number:016x}",
        "name": f"shop.prices.f{number}",
        "category": "code_generation",
        "requirement": "documented",
        "stratum": "documented small",
        "band": "standard",
        "control": False,
        "prompt": {
            "system": "You write Python.",
            "user": f"Write `f{number}`.\n",
            "schema": '{"type": "object"}' if number == 2 else "",
        },
        "requirement_text": f"Write `f{number}`.",
        "certificate": {},
    }


def attempt_at(number: int, verdict: Verdict, run_id: str = RUN, text: str = "") -> Attempt:
    """An attempt that is consistent with itself and its task."""
    task = a_task(number)
    wrong = {"call": "f(1)", "expected": "1", "observed": "2", "aspect": "value", "where": "$"}
    by_verdict: dict[Verdict, dict[str, Any]] = {
        Verdict.PASS: {"checked": 8, "hidden": 8},
        Verdict.FAIL_WRONG: {"checked": 8, "hidden": 8, "differing": 1, "smallest": wrong},
        Verdict.NO_ANSWER: {"error": "no code", "missing": "no code"},
    }
    evidence = by_verdict.get(verdict, {"error": "the worker died"})
    scored = verdict is not Verdict.INVALID
    return an_attempt(
        run_id=run_id,
        task_id=task["id"],
        task_name=task["name"],
        stratum=task["stratum"],
        band="standard",
        prompt_system=task["prompt"]["system"],
        prompt_user=task["prompt"]["user"],
        prompt_sha256=prompt_sha256(Prompt(**task["prompt"])),
        completion=a_completion(text=text or f"answer {number} {HALF}") if scored else None,
        candidate=f"def f{number}(): return {number}\n" if verdict not in (Verdict.NO_ANSWER, Verdict.INVALID) else "",
        verdict=verdict,
        evidence=evidence,
        judge_s=0.1 * (number + 1),
    )


def fill(store: Store, run_id: str, attempts: list[Attempt]) -> None:
    """One finished run."""
    store.begin_run(run_id, PROVENANCE)
    entry = {"function": "shop.x", "path": "shop/x.py", "line": 3, "reason": "empty body", "detail": "", "category": ""}
    store.save_tasks(run_id, [a_task(number) for number in range(len(VERDICTS))], [entry])
    for each in attempts:
        if each.completion is not None:
            store.save_completion(run_id, each.task_id, 0, each.prompt_sha256, "key", each.completion)
        store.save_attempt(each)
    store.end_run(run_id, "finished")


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    """Two runs; the first must not show up in the bundle of the second."""
    file = tmp_path / "store" / "cereval.sqlite"
    with Store.open(file) as store:
        fill(store, OTHER, [attempt_at(0, Verdict.PASS, OTHER, ELSEWHERE)])
        fill(store, RUN, [attempt_at(number, verdict) for number, verdict in enumerate(VERDICTS)])
    return file


@pytest.fixture
def bundle(store_file: Path, tmp_path: Path) -> Path:
    """The bundle of the second run, unsigned, with pages of its own."""
    with Store.open(store_file) as store:
        return write_bundle(tmp_path / "out", store, RUN).folder


@pytest.fixture
def findings() -> Callable[..., dict[str, tuple[str, ...]]]:
    """What verifying a folder finds, by check; only checks that do not hold."""

    def find(folder: Path, public: bytes | None = None) -> dict[str, tuple[str, ...]]:
        return {each.name: each.findings for each in verify(folder, public).checks if each.findings}

    return find


def reseal(folder: Path) -> None:
    """Give the manifest the digests of the files as they are now, as somebody would who wants to hide a change."""
    file = folder / layout.MANIFEST
    manifest = json.loads(file.read_text())
    kept = [each for each in manifest["subject"] if not each["annotations"]["in_bundle"]]
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in layout.SELF_DESCRIBING
    )
    digests = {name: sha256((folder / name).read_bytes()) for name in names}
    manifest["subject"] = kept + [
        {
            "name": name,
            "digest": {"sha256": digest},
            "annotations": {"role": layout.role(name), "in_bundle": True},
        }
        for name, digest in digests.items()
    ]
    predicate = manifest["predicate"]
    predicate["items"]["sha256"] = digests[layout.RESULTS]
    predicate["results"]["sha256"] = digests[layout.STATISTICS]
    predicate["results"]["analysis"]["sha256"] = digests.get(layout.ANALYSIS)
    predicate["inputs"]["task_set"]["sha256"] = digests[layout.TASKS]
    predicate["inputs"]["ledger"]["sha256"] = digests[layout.LEDGER]
    file.write_bytes(canonical(manifest))


def edit_lines(file: Path, change: Callable[[list[Any]], list[Any]]) -> None:
    """Change the values of a file of JSON lines."""
    values = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_bytes(b"".join(canonical(each) for each in change(values)))


def edit_json(file: Path, change: Callable[[Any], None]) -> None:
    """Change the value of a JSON file in place."""
    value = json.loads(file.read_text())
    change(value)
    file.write_bytes(canonical(value))


def copy_of(folder: Path) -> Path:
    """A second copy of a bundle."""
    return Path(shutil.copytree(folder, folder.with_name(f"{folder.name}-copy")))
