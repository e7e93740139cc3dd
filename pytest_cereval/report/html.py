"""Turns attempts on test reports into columns, links and a summary on pytest-html's page."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pytest_cereval.errors import StoreError
from pytest_cereval.report.cases import INDEX_FILE, case_file, cases_folder
from pytest_cereval.report.page import kind, mark, style, summary_html
from pytest_cereval.report.rows import Rows
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.statistics import cost_of, summarise
from pytest_cereval.results.verdict import Verdict

PROPERTY = "cereval"
_COLUMNS = ("category", "verdict", "tokens", "speed")
_HEADINGS = {"category": "Category", "verdict": "Verdict", "tokens": "Tokens", "speed": "Tokens/s"}
# pytest-html's own columns before ours: result and test id.
_POSITION = 2
# pytest-html sorts cells as strings. A space sorts before every digit and a browser does not show it.
_NUMBER_WIDTH = 9


def report_property(attempts: Iterable[Attempt]) -> tuple[str, str]:
    """What an item puts into `user_properties` for its row: a JSON string, as xdist and JUnit XML require."""
    return PROPERTY, json.dumps([each.without_texts().to_dict() for each in attempts])


def attempts_on(report: pytest.TestReport) -> list[Attempt]:
    """The attempts that a test report carries; none for other people's tests and their properties."""
    found = []
    for name, value in report.user_properties:
        if name == PROPERTY and isinstance(value, str):
            try:
                data = json.loads(value)
                found += [Attempt.from_dict(each) for each in (data if isinstance(data, list) else [data])]
            except (ValueError, AttributeError, StoreError):
                continue
    return found


def report_path(config: pytest.Config) -> Path | None:
    """Where pytest-html will write, None if it was not asked to; reads its option the way it does."""
    given = config.getoption("htmlpath", None)
    return Path.cwd() / Path(os.path.expandvars(given)).expanduser() if given else None


def install(config: pytest.Config, run_info: Callable[[], RunInfo]) -> HtmlReport | None:
    """Register the plugin where pytest-html writes a report: with `--html`, and never in an xdist worker.

    `run_info` is called when the page is written, so that it may tell what was only known at the end.
    """
    path = report_path(config)
    if path is None or hasattr(config, "workerinput") or not config.pluginmanager.hasplugin("html"):
        return None
    plugin = HtmlReport(config, path, run_info)
    config.pluginmanager.register(plugin, "cereval-html")
    return plugin


class HtmlReport:
    """All hooks of pytest-html 4, which inserts cells, names and environment values as raw HTML.

    So everything is escaped here. They run first, so that those in a user's conftest see and may change what
    they made.
    """

    def __init__(self, config: pytest.Config, path: Path, run_info: Callable[[], RunInfo]) -> None:
        self.path = path
        self.rows = Rows()
        self._config = config
        self._run_info = run_info
        self._attempts: dict[tuple[str, int], Attempt] = {}

    def record(self, attempt: Attempt) -> None:
        """Count an attempt that no report carries: that of an item whose xdist worker died."""
        self._attempts[attempt.task_id, attempt.sample] = attempt

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_html_report_title(self, report: Any) -> None:
        report.title = f"cereval: {self.path.stem}"

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        cells[_POSITION:_POSITION] = [
            f'<th class="sortable" data-column-type="{name}">{_HEADINGS[name]}</th>' for name in _COLUMNS
        ]

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport | pytest.CollectReport, cells: list[str]) -> None:
        if not cells:
            return
        attempts = self._attempts_of(report)
        for index, cell in enumerate(cells):
            # pytest-html puts the node id into its cell as it is.
            if cell.startswith('<td class="col-testId">'):
                name = cell.removeprefix('<td class="col-testId">').removesuffix("</td>")
                cells[index] = f'<td class="col-testId">{html.escape(name)}</td>'
            if cell.startswith('<td class="col-links">'):
                cells[index] = cell.replace(">", f">{self._links(attempts)}", 1)
        cells[_POSITION:_POSITION] = _cells(attempts)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        sheet = style("page.css", "summary.css", "index.css")
        link = f"{quote(cases_folder(self.path).name)}/{INDEX_FILE}" if self._attempts else ""
        summary = summary_html(summarise(self._attempts.values()), self._run_info(), cases_link=link)
        prefix.append(f"<style>\n{sheet}</style>\n{summary}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for each in attempts_on(report):
            self.record(each)
        self.rows.saw(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.rows.expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self.rows.expect(map(str, ids))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self._describe_environment()
        if not self._config.getoption("collectonly", False):
            stopped = session.shouldfail or session.shouldstop
            self.reconcile(str(stopped) if stopped else _ENDINGS.get(int(exitstatus), "the session ended"))

    def reconcile(self, reason: str) -> list[str]:
        """Give every collected item without a row one that says why, and return these items.

        Only pytest-html hears of them: to the terminal, JUnit XML and the exit code nothing has happened.
        """
        from pytest_html.basereport import BaseReport

        missing = self.rows.missing()
        pages = [each for each in self._config.pluginmanager.get_plugins() if isinstance(each, BaseReport)]
        for report in self.rows.missing_reports(reason):
            for page in pages:
                page.pytest_runtest_logreport(report)
            self.rows.saw(report)
        return missing

    def _attempts_of(self, report: pytest.TestReport | pytest.CollectReport) -> list[Attempt]:
        if not isinstance(report, pytest.TestReport):
            return []
        return attempts_on(report) or [each for each in self._attempts.values() if each.nodeid == report.nodeid]

    def _describe_environment(self) -> None:
        try:
            from pytest_metadata.plugin import metadata_key  # type: ignore[import-untyped]
        except ImportError:
            return
        info = self._run_info()
        facts = {"Repository": info.repository, "Model": info.model, "Run": info.run_id, "Store": info.store}
        facts["Judge before the run"] = info.judge
        shown = {f"Cereval {name.lower()}": html.escape(value) for name, value in facts.items() if value}
        self._config.stash.setdefault(metadata_key, {}).update(shown)

    def _links(self, attempts: Sequence[Attempt]) -> str:
        folder = quote(cases_folder(self.path).name)
        return "".join(
            f'<a class="col-links__extra" href="{folder}/{quote(case_file(each))}">'
            f"{'case' if len(attempts) == 1 else f'sample {each.sample}'}</a> "
            for each in attempts
        )


def _cells(attempts: Sequence[Attempt]) -> list[str]:
    cost = cost_of(attempts)
    speed = "" if cost.tokens_per_s is None else f"{cost.tokens_per_s:.1f}"
    texts = {
        "category": ", ".join(sorted({html.escape(each.category) for each in attempts})),
        "verdict": " ".join(_pills(attempts)),
        "tokens": f"{cost.completion_tokens if cost.completions else '':>{_NUMBER_WIDTH}}",
        "speed": f"{speed:>{_NUMBER_WIDTH}}",
    }
    return [f'<td class="col-{name}">{texts[name]}</td>' for name in _COLUMNS]


def _pills(attempts: Sequence[Attempt]) -> Iterator[str]:
    for verdict in Verdict:
        count = sum(each.verdict is verdict for each in attempts)
        share = f" {count} of {len(attempts)}" if len(attempts) > 1 else ""
        if count:
            yield f'<span class="verdict is-{kind(verdict)}">{mark(verdict)} {verdict.value}{share}</span>'


_ENDINGS = {
    int(pytest.ExitCode.INTERRUPTED): "the session was interrupted",
    int(pytest.ExitCode.INTERNAL_ERROR): "pytest met an internal error",
}
