"""The controlling side of a session as hooks: opens the run, records attempts, sums up, decides the exit code."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cereval import bundling
from pytest_cereval.desk import Desk
from pytest_cereval.errors import CerevalError
from pytest_cereval.evaluate import invalid
from pytest_cereval.extensions import Listeners
from pytest_cereval.gating import Demand, check_demand, gated
from pytest_cereval.items import WORK
from pytest_cereval.options import Settings
from pytest_cereval.origin import decoded, left_out
from pytest_cereval.report import html, natural
from pytest_cereval.report.cases import cases_folder, write_case_pages
from pytest_cereval.report.index import claims
from pytest_cereval.report.terminal import ProgressLine, RunInfo, summary_lines
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.printing import one_line
from pytest_cereval.results.statistics import summarise
from pytest_cereval.session import Work
from pytest_cereval.tasks.reuse import reused_text
from pytest_cereval.tasks.task import Requirement, Task

if TYPE_CHECKING:
    from pytest_cereval.statistics.gate import Changes

_CARRIED = "cereval_attempt"
_ENDINGS = {0: "finished", 1: "finished", 2: "interrupted", 5: "finished"}


def register_marks(config: pytest.Config, categories: Sequence[str]) -> None:
    """Categories and kinds of requirement are marks, so that `-m` selects by them under strict markers, too."""
    for category in (*categories, NATURAL):
        config.addinivalue_line("markers", f"{category}: tasks of this category (pytest-cereval)")
    for requirement in Requirement:
        config.addinivalue_line("markers", f"{requirement.value}: tasks whose requirement is {requirement.value}")


def add_manifest(config: pytest.Config, manifest: Path) -> None:
    """Collect the manifest: alone when nothing was named, else beside it, unless what was named lies inside it."""
    named = config.args_source is config.ArgsSource.ARGS
    if not named:
        config.args[:] = [str(manifest)]
    elif not any(manifest.name in argument for argument in config.args):
        config.args.append(str(manifest))


def carry(report: pytest.TestReport, attempts: Sequence[Attempt]) -> None:
    """Put attempts on the one report that tells their outcome; where setup failed, our words replace a traceback."""
    if report.when == "setup" and report.failed:
        unscored = [each for each in attempts if not each.verdict.is_scored]
        for each in unscored[:1]:
            report.longrepr = f"no verdict on {each.task_name}\n{each.evidence.get('error', each.detail)}"
    if report.when == "call" or (report.when == "setup" and report.failed):
        setattr(report, _CARRIED, json.dumps([each.to_dict() for each in attempts]))


def _end_loading(session: pytest.Session) -> None:
    """Let Hypothesis know that plugins are loaded: a suite is built before its own hook would say so.

    Until then it takes each strategy that is used for a fault of a plugin, and writes it out at length to warn of it.
    Its hook may be called more than once.
    """
    plugin = session.config.pluginmanager.getplugin("hypothesispytest")
    if plugin is not None:
        plugin.pytest_sessionstart(session)


class WorkerSide:
    """In an xdist worker: take what the controller told, run items, close."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        told = config.workerinput["cereval"]  # type: ignore[attr-defined]
        self._work = Work.in_worker(settings, told)
        self._config = config
        config.stash[WORK] = self._work

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Collect what the controller collects; a worker parses the command line anew."""
        add_manifest(self._config, self._work.manifest)

    def pytest_sessionfinish(self) -> None:
        """Stop asking ahead."""
        self._work.close()


class Controller:
    """In the controlling process, with or without workers."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._desk: Desk | None = None
        self._work: Work | None = None
        self._attempts: list[Attempt] = []
        self._selected: int | None = None
        self._gate = ""
        self._changes: Changes | None = None
        self._line: ProgressLine | None = None
        self._asked: dict[str, float] = {}
        self._listeners = Listeners(config)
        self._html = html.install(config, self.run_info)
        bundling.install(config, settings, lambda: self._desk)

    @classmethod
    def create(cls, config: pytest.Config, settings: Settings) -> Controller:
        """With xdist's own hooks where xdist is present, because pytest refuses unknown ones."""
        return (_XdistController if config.pluginmanager.hasplugin("xdist") else cls)(config, settings)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Build the suite before anything is collected, and add its manifest to what is collected."""
        collect_only = bool(self._config.getoption("collectonly", False))
        _end_loading(session)
        try:
            check_demand(_demand(self._settings))
            self._desk = Desk.open(self._settings, self._tell, collect_only=collect_only)
        except CerevalError as error:
            raise pytest.UsageError(str(error)) from error
        self._desk.watch = self._show_progress
        add_manifest(self._config, self._desk.manifest)
        if not self._distributed():
            self._work = self._desk.work()
        self._config.stash[WORK] = self._work or Work(self._desk.suite, self._desk.manifest)
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        writer = getattr(getattr(reporter, "_tw", None), "_file", None)
        enabled = writer is not None and writer.isatty() and self._config.getoption("verbose", 0) >= 0
        self._line = ProgressLine(writer or sys.stderr, enabled=enabled)

    def pytest_report_header(self) -> list[str]:
        """What is evaluated, by whom, where."""
        if self._desk is None:
            return []
        suite, revision = self._desk.suite, self._desk.suite.revision
        dirty = ", uncommitted changes ignored" if revision.dirty else ""
        lines = [
            f"cereval: {self._desk.repository} ({revision.date[:10]}{dirty}), "
            f"{len(suite.tasks)} tasks from {suite.functions} functions"
        ]
        if self._desk.bench is not None:
            sandbox, run_id = self._desk.bench.sandbox.level, self._desk.run_id
            asked = self._asked_whom() if self._settings["score"] else f"model {self._asked_whom()}"
            lines.append(f"cereval: {asked}, sandbox {sandbox}, run {run_id}")
        return lines

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """How many tasks this run asks, for the gate."""
        self._selected = sum(hasattr(item, "task") for item in session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record an attempt as soon as it is known; a worker that died leaves an invalid one."""
        if self._line is not None:
            self._line.clear()
        if self._desk is None or self._desk.store is None:
            return
        carried = getattr(report, _CARRIED, None)
        if carried is not None:
            for each in json.loads(carried):
                self._record(Attempt.from_dict(each))
        elif report.when not in ("setup", "call", "teardown"):
            self._record_crash(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the run, write the case pages, apply the gate; runs before pytest-html writes its page."""
        if self._line is not None:
            self._line.clear()
        if self._desk is None:
            return
        if self._work is not None:
            self._work.close()
        # Where `-x` or `--maxfail` stops a session, pytest's exit code is that of any failed test.
        stopped = bool(session.shouldfail or session.shouldstop)
        self._desk.close("interrupted" if stopped else _ENDINGS.get(int(exitstatus), "failed"))
        self._apply_gate(session, int(exitstatus))
        path = html.report_path(self._config)
        if path is not None and self._desk.store is not None and self._html is not None:
            store, run_id = self._desk.store, self._desk.run_id
            write_case_pages(
                cases_folder(path),
                store.attempts(run_id),
                store.tasks(run_id),
                store.run(run_id),
                info=self.run_info(),
                report=path,
                self_contained=bool(self._config.getoption("self_contained_html", False)),
            )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The numbers, below pytest's own."""
        if self._desk is None or self._desk.store is None:
            return
        terminalreporter.section("cereval")
        if self._settings["generate-only"]:
            kept = len(self._desk.store.completions(self._desk.run_id))
            terminalreporter.write_line(
                f"generated only: {kept} answers kept; judge them with --cereval-score={self._desk.run_id}"
            )
            if not self._attempts:
                return
        tasks, run = self._desk.store.tasks(self._desk.run_id), self._desk.store.run(self._desk.run_id)
        found = one_line(natural.sentence(run.provenance, self._attempts, tasks))
        told = [*claims(self._attempts, tasks), *([found] if found else [])]
        for line in [*summary_lines(summarise(self._attempts), self.run_info()), *told, *self._listeners.faults]:
            terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """Let go of the store last: reports are written from it."""
        if self._desk is not None and self._desk.store is not None:
            self._desk.store.close()

    def run_info(self) -> RunInfo:
        """What the summaries say beside numbers."""
        if self._desk is None:
            return RunInfo()
        suite = self._desk.suite
        path = html.report_path(self._config)
        return RunInfo(
            repository=self._desk.repository,
            model=self._asked_whom() + decoded(self._desk.together),
            run_id=self._desk.run_id,
            tasks=sum(task.category != NATURAL for task in suite.tasks),
            ledger=suite.reasons(),
            limited=left_out(self._settings, suite.tests),
            reused=reused_text(self._desk.gathered.built.reused),
            gate=self._gate,
            changes=self._changes,
            store=str(self._settings["store"]),
            report=str(path) if path else "",
            judge=self._desk.checked.sentence if self._desk.checked else "",
            provenance_sha256=self._desk.provenance_sha256(),
        )

    def _asked_whom(self) -> str:
        if self._settings["score"]:
            scored = self._desk.scored_from if self._desk is not None else ""
            return f"answers of run {scored or self._settings['score']}"
        return str("demo" if self._settings["demo"] else self._settings["model"])

    def _distributed(self) -> bool:
        return bool(self._config.getoption("numprocesses", None) or self._config.getoption("tx", None)) and not (
            self._config.getoption("collectonly", False)
        )

    def _tell(self, line: str) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and self._config.getoption("verbose", 0) >= 0:
            reporter.write_line(f"cereval: {line}")

    def _show_progress(self, task: Task, tokens: int) -> None:
        began = self._asked.setdefault(task.id, time.monotonic())
        if self._line is not None and self._desk is not None:
            total = self._selected or len(self._desk.suite.tasks)
            done = len({each.task_id for each in self._attempts})
            self._line.update(done, total, task.name, tokens, time.monotonic() - began)

    def _record(self, attempt: Attempt) -> None:
        assert self._desk is not None  # noqa: S101 - the caller has looked
        self._attempts.append(attempt)
        try:
            self._desk.record(attempt)
        except CerevalError as error:
            pytest.exit(str(error), returncode=int(pytest.ExitCode.INTERNAL_ERROR))
        self._listeners.tell(attempt)

    def _record_crash(self, report: pytest.TestReport) -> None:
        assert self._desk is not None  # noqa: S101 - the caller has looked
        _, category, name = ["", "", *str(report.nodeid).split("::")][-3:]
        for task in self._desk.suite.tasks:
            if (task.category, task.name) == (category, name) and task.id not in self._desk.recorded:
                for blank in self._desk.work().blanks(task, str(report.nodeid)):
                    attempt = invalid(blank, CerevalError("the pytest worker died while it judged this task"))
                    self._record(attempt)
                    if self._html is not None:
                        self._html.record(attempt)

    def _apply_gate(self, session: pytest.Session, exitstatus: int) -> None:
        """Decide by what was demanded; only where all of it was asked, and only instead of 0 or 1."""
        demand = _demand(self._settings)
        if not demand.is_any or self._desk is None or self._desk.store is None or exitstatus not in (0, 1):
            return
        asked, tasks = len(self._desk.recorded), len(self._desk.suite.tasks)
        path = self._settings.path("store")
        found = gated(demand, self._desk.store, path, self._desk.run_id, asked=asked, tasks=tasks)
        self._gate = found.sentence
        self._changes = found.changes
        session.exitstatus = found.exit_code


def _demand(settings: Settings) -> Demand:
    return Demand(settings["gate"] or "", settings["baseline"] or "", settings["margin"])


class _XdistController(Controller):
    """The same with workers: they are told where the model is, and say what they collected."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker about the run before it starts."""
        assert self._desk is not None  # noqa: S101 - sessions start before workers
        node.workerinput["cereval"] = self._desk.for_worker()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """How many tasks the run asks; all workers say the same."""
        self._selected = len(ids)
