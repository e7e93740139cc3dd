"""Runs a repository's own tests under a watch and sends back what it saw.

Runs inside a sandbox with the target interpreter: standard library, cloudpickle, and the repository's own pytest.
Requests and results travel as frames. The repository is trusted here to the degree that its own tests are; what it
can reach is the sandbox's business.
"""

from __future__ import annotations

import base64
import os
import re
import site
import sys
from typing import Any

import cloudpickle

from .framing import read_frame, write_frame
from .location import located
from .tracing import Capture, Survey, Watch

_MISSING = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'")


class Watcher:
    """The pytest plugin: keeps the watch armed, and counts how tests end."""

    def __init__(self, watch: Watch, test_files: list[str]) -> None:
        self.watch = watch
        self.test_files = frozenset(test_files)
        self.outcomes = {"passed": 0, "failed": 0, "skipped": 0, "error": 0}
        self.missing: set[str] = set()
        self.problems: list[str] = []

    def pytest_collection_finish(self, session: Any) -> None:
        """Classes of test files travel inside the pickles, because no replay may see the tests."""
        for module in list(sys.modules.values()):
            if getattr(module, "__file__", None) in self.test_files:
                cloudpickle.register_pickle_by_value(module)

    def pytest_runtest_setup(self, item: Any) -> None:
        self.watch.arm()

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.outcomes["error"] += 1
            self._problem(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.outcomes["failed" if report.when == "call" else "error"] += 1
            self._problem(report)
        elif report.when == "call" or report.skipped:
            self.outcomes[report.outcome] += 1

    def _problem(self, report: Any) -> None:
        text = str(report.longrepr).strip()
        self.missing.update(_MISSING.findall(text))
        if len(self.problems) < 20:
            self.problems.append(f"{report.nodeid}: {text.splitlines()[-1][:200] if text else ''}")


def main() -> None:
    """Serve one run of the tests: a request frame in, frames of results, then a summary frame out."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    request = located(read_frame(source))
    sys.path[:0] = request["path"]
    for folder in request["site"]:
        site.addsitedir(folder)
    import pytest

    survey = Survey(request["targets"], request["bounds"])
    capture = Capture(request["targets"], request["bounds"], request["chosen"]) if "chosen" in request else None
    watch: Watch = capture or survey
    watcher = Watcher(watch, request["test_files"])
    watch.arm()
    try:
        status = int(pytest.main(request["arguments"], plugins=[watcher]))
    finally:
        watch.disarm()
    if capture is not None:
        _send_calls(sink, capture)
    summary = {
        "status": status,
        "outcomes": watcher.outcomes,
        "missing": sorted(watcher.missing),
        "problems": watcher.problems,
        "cut": sorted(watch.cut),
        "seen": watch.seen,
        "chosen": survey.chosen(),
        "modules": {str(index): name for index, name in survey.modules.items()},
        "unpicklable": capture.unpicklable if capture is not None else [],
    }
    write_frame(sink, {"summary": summary})


def _send_calls(sink: int, capture: Capture) -> None:
    for index, calls in enumerate(capture.calls):
        for start in range(0, len(calls), 8):
            encoded = [base64.b64encode(call).decode() for call in calls[start : start + 8]]
            write_frame(sink, {"function": index, "calls": encoded})


if __name__ == "__main__":
    main()
