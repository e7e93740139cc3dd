"""Turns each attempt into a static page that stands for itself, and all of them into one list of links."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pytest_cereval.errors import StoreError
from pytest_cereval.report.page import environment, speed_cell, style, summary_html
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.report.text import evidence_counts, other_evidence, smallest_place
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run
from pytest_cereval.results.statistics import summarise
from pytest_cereval.results.verdict import Verdict

STYLE_FILE = "case.css"
INDEX_FILE = "index.html"
_OWN_PAGE = re.compile(r".*\.[0-9a-f]{8}\.html")
_NAME_LIMIT = 100
# Shown in sections of their own.
_TASK_TEXTS = ("id", "name", "category", "certificate", "requirement_text", "reference")


def cases_folder(report: Path) -> Path:
    """Where the pages of a report lie: `<stem>_cases` beside it."""
    return report.with_name(f"{report.stem}_cases")


def case_file(attempt: Attempt) -> str:
    """The page's file name: the task's name, then a digest, since names may differ in letter case or category only."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", attempt.task_name).strip(".")[:_NAME_LIMIT]
    digest = hashlib.sha256(f"{attempt.task_id}\0{attempt.sample}".encode()).hexdigest()[:8]
    return f"{name}.{digest}.html"


def write_case_pages(
    folder: Path,
    attempts: Sequence[Attempt],
    tasks: Iterable[dict[str, Any]],
    run: Run,
    *,
    info: RunInfo | None = None,
    report: Path | None = None,
    self_contained: bool = False,
) -> list[Path]:
    """Write a page per attempt and a list of them; pages of earlier runs in the folder are removed.

    tasks: as stored; `requirement_text` and `reference` (source) are shown where a task has them.
    report: the page to link back to. self_contained: put the style into each page instead of one file beside
    them, as pytest-html does for its own; the file is what strict content policies accept.
    Raises `StoreError` if the folder cannot be written.
    """
    by_id = {task["id"]: task for task in tasks}
    sheet = style("page.css", "summary.css")
    shared = {
        "style": sheet if self_contained else "",
        "style_file": STYLE_FILE,
        "report_link": f"../{quote(report.name)}" if report else "",
    }
    pages = {case_file(each): _case_page(each, by_id.get(each.task_id, {}), run, shared) for each in attempts}
    pages[INDEX_FILE] = (
        environment()
        .get_template("cases.html")
        .render(
            shared,
            summary_html=summary_html(summarise(attempts), info or RunInfo()),
            cases=[{"attempt": each, "link": quote(case_file(each))} for each in attempts],
        )
    )
    if not self_contained:
        pages[STYLE_FILE] = str(sheet)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if _OWN_PAGE.fullmatch(old.name) and old.name not in pages:
                old.unlink()
        for name, content in pages.items():
            (folder / name).write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StoreError(
            f"the case pages in {folder} cannot be written: {error.strerror}",
            next_step="free space or write the report somewhere else with --html=PATH",
        ) from error
    return [folder / name for name in pages]


def certificate_rows(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was shown about a task, as name and sentence; what has no sentence here is shown as it is."""
    left = dict(certificate)
    rows = []

    def share(title: str, part: str, whole: str, note: str = "") -> None:
        if part in left and whole in left:
            rows.append((title, f"{left.pop(part)} of {left.pop(whole)}{note}"))

    if "replays" in left:
        rows.append(("Replays of the reference that agree", str(left.pop("replays"))))
    share("Emptied bodies rejected", "stubs_rejected", "stubs_total")
    notes = []
    if (score := left.pop("mutation_score", None)) is not None:
        notes.append(f"score {score:.2f}")
    if timed_out := left.pop("timed_out", 0):
        notes.append(f"{timed_out} of them by running too long")
    if equivalent := left.pop("equivalent", 0):
        notes.append(f"{equivalent} more compile to the reference's own bytecode and do not count")
    share("Mutants killed", "mutants_killed", "mutants_total", "".join(f", {note}" for note in notes))
    share("Behaviour-preserving rewrites accepted", "rewrites_accepted", "rewrites_total")
    share("Branches of the reference covered", "branches_covered", "branches_total")
    if "survivors" in left:
        rows.append(("Mutants that survive", "; ".join(map(str, left.pop("survivors"))) or "none"))
    return rows + _flat(left)


def _case_page(attempt: Attempt, task: Mapping[str, Any], run: Run, shared: Mapping[str, Any]) -> str:
    smallest = attempt.evidence.get("smallest")
    smallest = smallest if isinstance(smallest, dict) else None
    meaning = attempt.verdict.meaning
    return (
        environment()
        .get_template("case.html")
        .render(
            shared,
            attempt=attempt,
            meaning=f"{meaning[0].upper()}{meaning[1:]}."
            if attempt.verdict is Verdict.INVALID
            else f"The answer {meaning}.",
            facts=_facts(attempt),
            smallest=smallest,
            place=smallest_place(smallest) if smallest else "",
            counts=evidence_counts(attempt.evidence),
            other_evidence=other_evidence(attempt.evidence),
            requirement_text=str(task.get("requirement_text", "")).strip("\n"),
            reference=str(task.get("reference", "")),
            certificate=certificate_rows(task.get("certificate") or {}),
            times=_times(attempt),
            identity=_identity(attempt, run),
            provenance=_flat(run.provenance),
            task_facts=_flat({key: value for key, value in task.items() if key not in _TASK_TEXTS}),
        )
    )


def _facts(attempt: Attempt) -> list[tuple[str, str]]:
    completion = attempt.completion or {}
    facts = [
        ("Category", attempt.category),
        ("Requirement", attempt.requirement),
        ("Stratum", attempt.stratum),
        ("Sample", str(attempt.sample)),
        ("Completion tokens", str(completion.get("completion_tokens", ""))),
        ("Tokens/s", speed_cell(attempt)),
        ("Ended by", str(completion.get("finish_reason", ""))),
        ("Sandbox level", attempt.sandbox_level),
    ]
    return [(name, value) for name, value in facts if value]


def _times(attempt: Attempt) -> list[tuple[str, str]]:
    completion = attempt.completion
    rows = [("Began", attempt.started), ("Ended", attempt.ended), ("Judging", f"{attempt.judge_s:.3f} s")]
    if completion is None:
        return rows
    reused = ", reused from an earlier run, whose times these are" if attempt.reused else ""
    margin = completion["min_margin"]
    return [
        ("Prompt tokens", f"{completion['prompt_tokens']}, {completion['cached_tokens']} of them cached"),
        ("Completion tokens", f"{completion['completion_tokens']}{reused}"),
        ("Reading the prompt", f"{completion['prefill_s']:.3f} s"),
        ("Generating", f"{completion['decode_s']:.3f} s, {speed_cell(attempt) or 'no'} tokens/s"),
        ("Completion in all", f"{completion['wall_s']:.3f} s, ended by {completion['finish_reason']}"),
        ("Smallest margin between two tokens", "not measured" if margin is None else f"{margin:.4f} logits"),
        *rows,
    ]


def _identity(attempt: Attempt, run: Run) -> list[tuple[str, str]]:
    rows = [
        ("Run", f"{run.run_id}, begun {run.started}"),
        ("Task", attempt.task_id),
        ("Test item", attempt.nodeid),
        *_flat({key: run.provenance[key] for key in ("repository", "model") if key in run.provenance}),
        ("Prompt, sha256", attempt.prompt_sha256),
    ]
    if attempt.completion is not None:
        rows.append(("Rendered prompt, sha256", str(attempt.completion["rendered_sha256"])))
        rows.append(("Completion tokens, sha256", str(attempt.completion["tokens_sha256"])))
    rows.append(
        (
            "Judged source, sha256",
            hashlib.sha256(attempt.candidate.encode("utf-8", "surrogatepass")).hexdigest(),
        )
    )
    return rows


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        pairs = [(f"{name}.{key}" if name else str(key), inner) for key, inner in value.items()]
        return [row for key, inner in pairs for row in _flat(inner, key)]
    if isinstance(value, list) and any(isinstance(each, (Mapping, list)) for each in value):
        return [row for number, each in enumerate(value) for row in _flat(each, f"{name}[{number}]")]
    if isinstance(value, list):
        return [(name, ", ".join(map(str, value)))] if value else []
    return [(name, value if isinstance(value, str) else json.dumps(value))]
