"""Turns a run, a task or an attempt into tables in a terminal, in which no text of a model can act."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_cereval.report.facts import certificate_rows, cost_rows, headline_rows, identity_rows
from pytest_cereval.report.page import kind, mark, tokens_cell
from pytest_cereval.report.terminal import cost_text, rate_text
from pytest_cereval.report.text import evidence_lines
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.looking import Found, FoundAttempt, FoundRun, FoundTask
from pytest_cereval.results.printing import one_line, printable
from pytest_cereval.results.statistics import Rate
from pytest_cereval.results.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {"pass": "green", "fail": "red", "none": "yellow", "invalid": "magenta"}
_PLAIN_WIDTH = 120
_TEXT_LIMIT = 100_000


def show(found: Found, console: Console | None = None) -> None:
    """Print what was found; where output is no terminal, 120 columns and no colours."""
    if console is None:
        from rich.console import Console as Made

        console = Made(highlight=False)
        if not console.is_terminal:
            console = Made(highlight=False, width=_PLAIN_WIDTH)
    if isinstance(found, FoundRun):
        _run(console, found)
    elif isinstance(found, FoundTask):
        _task(console, found)
    else:
        _attempt(console, found)


def _run(console: Console, found: FoundRun) -> None:
    run, summary = found.run, found.summary
    known = run.provenance
    rows = [("Run", run.run_id), ("Status", run.status.value), ("Began", run.started), ("Ended", run.ended or "")]
    for title, part, names in (
        ("Repository", "repository", ("name", "commit")),
        ("Model", "model", ("file", "sha256")),
    ):
        told = known.get(part)
        if isinstance(told, dict):
            rows.append((title, " ".join(str(told[name]) for name in names if told.get(name))))
    rows += [
        ("Tasks", str(found.tasks)),
        ("Without a task", ", ".join(f"{count} {reason}" for reason, count in found.without_task.items())),
        ("Cost", cost_text(summary)),
    ]
    _facts(console, "run", rows)
    groups = (("all", (summary.overall,)), ("category", summary.by_category), ("requirement", summary.by_requirement))
    _rates(console, groups)
    _attempts(console, found.attempts, with_run=False)


def _task(console: Console, found: FoundTask) -> None:
    task = found.task
    names = ("name", "id", "category", "path", "definition_line", "requirement", "size", "band")
    _facts(console, "task", [(name.replace("_", " "), str(task[name])) for name in names if name in task])
    _block(console, "question", str(task.get("requirement_text", "")))
    certificate = task.get("certificate")
    if isinstance(certificate, dict):
        _facts(console, "certificate", certificate_rows(certificate))
    _attempts(console, found.attempts, with_run=True)


def _attempt(console: Console, found: FoundAttempt) -> None:
    attempt = found.attempt
    failure = f" ({attempt.failure.value})" if attempt.failure else ""
    rows = [
        ("Task", attempt.task_name),
        ("Verdict", f"{attempt.verdict.value}{failure}: {attempt.verdict.meaning}"),
        ("Detail", attempt.detail),
    ]
    _facts(console, "attempt", [*rows, *headline_rows(attempt)])
    for line in evidence_lines(attempt.evidence):
        console.print(_text(line), soft_wrap=True)
    _block(console, "question", str(found.task.get("requirement_text") or attempt.prompt_user))
    _block(console, "answer as judged", attempt.candidate)
    _block(console, "answer", str((attempt.completion or {}).get("text", "")))
    _facts(console, "costs", cost_rows(attempt))
    _facts(console, "identity", identity_rows(attempt, found.run))


def _facts(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(_text(name), _text(value))
    console.print(table)


def _rates(console: Console, groups: Iterable[tuple[str, Sequence[Rate]]]) -> None:
    from rich.table import Table

    table = Table(title="pass rates, with 95 % intervals", title_justify="left")
    for heading in ("by", "group", "rate", "INVALID"):
        table.add_column(heading, overflow="fold")
    for by, rates in groups:
        for rate in rates:
            table.add_row(_text(by), _text(rate.name), _text(rate_text(rate)), str(rate.invalid))
    console.print(table)


def _attempts(console: Console, attempts: Sequence[Attempt], *, with_run: bool) -> None:
    from rich.table import Table

    table = Table(title=f"{len(attempts)} attempts", title_justify="left")
    for heading in (*(("run",) if with_run else ()), "task", "sample", "verdict", "class", "tokens"):
        table.add_column(heading, overflow="fold")
    for each in attempts:
        table.add_row(
            *((_text(each.run_id),) if with_run else ()),
            _text(f"{each.task_name}\n{each.task_id}"),
            str(each.sample),
            _verdict(each.verdict),
            each.failure.value if each.failure else "",
            tokens_cell(each),
        )
    console.print(table)


def _block(console: Console, title: str, text: str) -> None:
    if text.strip():
        console.print(_text(f"\n{title}"), style="bold")
        for line in printable(text.strip("\n"), _TEXT_LIMIT).split("\n"):
            console.print(_text(f"  {line}"), soft_wrap=True)


def _verdict(verdict: Verdict) -> Text:
    from rich.text import Text as Made

    return Made(f"{mark(verdict)} {verdict.value}", style=_STYLES[kind(verdict)])


def _text(value: str) -> Text:
    """Text without markup, and with everything spelled out that would move a cursor or change its colour."""
    from rich.text import Text as Made

    return Made("\n".join(one_line(line) for line in value.split("\n")))
