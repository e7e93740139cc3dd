"""Turns a repository's own pytest session into chosen tests, run one by one, and a word for each phase of each.

Runs inside sandboxes: in the trusted process that qualifies by tests (`testbench`) and in the one that judges an answer
(`testworker`), so that both run the same tests in the same way. Standard library and the repository's own pytest.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from .worker import failure

PHASES = ("setup", "call", "teardown")
PASSED = "passed"


class Outcome:
    """How one test ended: a word for each phase, what it raised, and its seconds of processor time."""

    __slots__ = ("cpu_s", "phases", "raised")

    def __init__(self) -> None:
        self.phases: dict[str, str] = {}
        self.raised = ""
        self.cpu_s = 0.0

    @property
    def word(self) -> str:
        """`passed` if all phases were, else what the first other one was, such as `call failed`."""
        for phase in PHASES:
            found = self.phases.get(phase, "missing")
            if found != PASSED:
                return f"{phase} {found}"
        return PASSED


class TestRunner:
    """The pytest plugin: hands over to `serve` once the tests are collected, and runs those it is asked for.

    `serve` is called with the runner in place of pytest's own loop.
    """

    __test__ = False

    def __init__(self, serve: Callable[[TestRunner], None]) -> None:
        self._serve = serve
        self._outcome = Outcome()
        self.items: dict[str, Any] = {}
        self.ini = ""
        self.current = ""
        self.problems: list[str] = []

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and len(self.problems) < 5:
            lines = str(report.longrepr).strip().splitlines()
            self.problems.append(f"{report.nodeid}: {lines[-1][:300] if lines else ''}")

    def pytest_runtestloop(self, session: Any) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        ini = session.config.inipath
        self.ini = os.path.relpath(ini, session.config.rootpath) if ini else ""  # the same wherever the checkout lies
        self._capture = session.config.pluginmanager.getplugin("capturemanager")
        self._serve(self)
        return True

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        if call.excinfo is not None and not self._outcome.raised:
            self._outcome.raised = failure(call.excinfo.value)

    def pytest_runtest_logreport(self, report: Any) -> None:
        found = report.outcome
        if hasattr(report, "wasxfail"):
            found = "xpassed" if report.passed else "xfailed"
        if self._outcome.phases.get(report.when, PASSED) == PASSED:  # subtests report their call more than once
            self._outcome.phases[report.when] = found

    def run(self, names: Sequence[str], each: Callable[[str, Outcome], bool]) -> None:
        """Run these tests in order; `each` is told how one ended, and says whether to go on."""
        if self._capture is not None:
            self._capture.read_global_capture()  # what an earlier fork left in the shared file
        items = [self.items[name] for name in names]
        for number, item in enumerate(items):
            following = items[number + 1] if number + 1 < len(items) else None
            self._outcome = outcome = Outcome()
            self.current = names[number]
            started = time.process_time()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            outcome.cpu_s = time.process_time() - started
            if not each(names[number], outcome):
                return


def prepare(request: dict[str, Any]) -> None:
    """Import pytest from where packages are installed, before the repository is on the path.

    `.pth` files are never read, and of plugins only those named in `arguments` will be loaded.
    """
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path += request["site"]
    importlib.import_module("pytest")


def start(request: dict[str, Any], runner: TestRunner) -> int:
    """Run pytest with the plugin, the repository's folders first on the path; the exit status proves nothing."""
    import pytest

    sys.path[:0] = request["path"]
    return int(pytest.main(request["arguments"], plugins=[runner]))
