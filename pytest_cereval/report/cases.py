"""Turns each attempt into a static page that stands for itself, and all of them into one list of links."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pytest_cereval.errors import StoreError
from pytest_cereval.report.facts import certificate_rows, cost_rows, flat_rows, headline_rows, identity_rows
from pytest_cereval.report.index import index_html
from pytest_cereval.report.page import difference, environment, style
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.report.text import PASTE, aspect_meaning, evidence_counts, other_evidence
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run

STYLE_FILE = "case.css"
INDEX_FILE = "index.html"
_OWN_PAGE = re.compile(r".*\.[0-9a-f]{8}\.html")
_NAME_LIMIT = 100
# Shown in sections of their own.
_TASK_TEXTS = ("about", "id", "name", "category", "certificate", "requirement_text", "reference", "prompt")


def cases_folder(report: Path) -> Path:
    """Where the pages of a report lie: `<stem>_cases` beside it."""
    return report.with_name(f"{report.stem}_cases")


def case_file(attempt: Attempt) -> str:
    """The page's file name: the task's name, and a digest because names may differ in letter case only."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", attempt.task_name).strip(".")[:_NAME_LIMIT] or "case"
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
    pages[INDEX_FILE] = index_html(
        attempts,
        by_id.values(),
        run,
        info or RunInfo(),
        links={(each.task_id, each.sample): quote(case_file(each)) for each in attempts},
        report_link=shared["report_link"],
    )
    if not self_contained:
        pages[STYLE_FILE] = str(sheet)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if _OWN_PAGE.fullmatch(old.name):
                old.unlink()
        for name, content in pages.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"the case pages in {folder} cannot be written: {error.strerror}",
            next_step="free space or write the report somewhere else with --html=PATH",
        ) from error
    return [folder / name for name in pages]


def _case_page(attempt: Attempt, task: Mapping[str, Any], run: Run, shared: Mapping[str, Any]) -> str:
    smallest = attempt.evidence.get("smallest")
    smallest = smallest if isinstance(smallest, dict) else None
    meaning = attempt.verdict.meaning
    template = environment().get_template("case.html")
    return template.render(
        shared,
        attempt=attempt,
        meaning=f"{meaning[0].upper()}{meaning[1:]}.",
        facts=headline_rows(attempt),
        smallest=smallest,
        aspect=aspect_meaning(smallest) if smallest else "",
        counts=evidence_counts(attempt.evidence),
        paste=str((smallest or {}).get("paste", "")),
        other_evidence=[(name, text) for name, text in other_evidence(attempt.evidence) if name != PASTE],
        requirement_text=str(task.get("requirement_text", "")).strip("\n"),
        reference=str(task.get("reference", "")),
        difference=difference(str(task.get("reference", "")), attempt.candidate),
        about=flat_rows(task.get("about") or {}),
        certificate=certificate_rows(task.get("certificate") or {}),
        times=cost_rows(attempt),
        identity=identity_rows(attempt, run),
        provenance=flat_rows(run.provenance),
        task_facts=flat_rows({key: value for key, value in task.items() if key not in _TASK_TEXTS}),
    )
