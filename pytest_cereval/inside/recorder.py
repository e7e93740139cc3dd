"""Runs a repository's own tests under a watch and sends back what it saw.

Runs inside a sandbox with the target interpreter: standard library, cloudpickle, and the repository's own pytest.
Requests and results travel as frames. The repository is trusted here to the degree that its own tests are; what it
can reach is the sandbox's business.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import site
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import cloudpickle

from .framing import read_frame, write_frame
from .location import located
from .opened import Opened
from .tracing import Capture, Survey, Watch

MANY = 2_000
"""With more tests than this, a run may well be stopped by the time, and files take turns."""
STOPPED = "the time for recording is over"
_AGAIN_S, _MARGIN_S = 5.0, 20.0
_MISSING = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'")


class Watcher:
    """The pytest plugin: keeps the watch armed until its time is up, and counts how tests end.

    `first` is the number of tests to run, None for all; `ran` counts those that ended, of `collected`.
    """

    def __init__(self, watch: Watch, test_files: list[str], first: int | None) -> None:
        self.watch = watch
        self.test_files = frozenset(test_files)
        self.first = first
        self.ran = self.collected = 0
        self.session: Any = None
        self.last_call = LastCall(watch)
        self.began = time.monotonic()
        self.outcomes = {"passed": 0, "failed": 0, "skipped": 0, "error": 0}
        self.missing: set[str] = set()
        self.problems: list[str] = []

    def pytest_collection_finish(self, session: Any) -> None:
        """Classes of test files travel inside the pickles, because no replay may see the tests."""
        self.session, self.collected = session, len(session.items)
        if self.collected > MANY:
            session.items[:] = interleaved(session.items)
        if self.first is not None:
            del session.items[self.first :]
        bounds = self.watch.bounds
        # Where collection was slow, what is left of the whole time, so that this ends before it is ended.
        left = bounds["timeout_s"] - (time.monotonic() - self.began) - bounds["grace_s"] - _MARGIN_S
        seconds = min(bounds["seconds"], max(left, 1.0))
        self.watch.start_clock(seconds)
        self.last_call.start(seconds + bounds["grace_s"])
        for module in list(sys.modules.values()):
            if getattr(module, "__file__", None) in self.test_files:
                cloudpickle.register_pickle_by_value(module)

    def pytest_runtest_setup(self, item: Any) -> None:
        if not self.watch.is_over():
            self.watch.arm()

    def pytest_runtest_logfinish(self) -> None:
        self.ran += 1
        if self.watch.is_over():
            self.session.shouldstop = STOPPED

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


def interleaved(items: list[Any]) -> list[Any]:
    """The first test of every file, then the second of each, and so on: a run that is stopped has seen all parts."""
    by_file: dict[str, list[Any]] = {}
    for item in items:
        by_file.setdefault(item.nodeid.partition("::")[0], []).append(item)
    files = list(by_file.values())
    return [found[turn] for turn in range(max(map(len, files), default=0)) for found in files if turn < len(found)]


class LastCall:
    """Ends a test that goes on when the time is up, and pytest's session with it, as `pytest.exit` does.

    Signals reach what waits as well as what computes; the alarm is left to tests that use it. Code that handles every
    exception is told again until it gives way.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._over = threading.Event()
        self._thread = threading.get_ident()

    def start(self, seconds: float) -> None:
        """Call in so many seconds, from now on in the thread that made this."""
        signal.signal(signal.SIGUSR2, self._end)
        threading.Thread(target=self._wait, args=(seconds,), daemon=True).start()

    def cancel(self) -> None:
        """Nothing is left to end."""
        self._over.set()

    def _end(self, number: int, frame: types.FrameType | None) -> None:
        import pytest

        if not self._over.is_set() and self._watch.is_over():
            pytest.exit(STOPPED)

    def _wait(self, seconds: float) -> None:
        late = not self._over.wait(seconds)
        while late:
            signal.pthread_kill(self._thread, signal.SIGUSR2)
            late = not self._over.wait(_AGAIN_S)


def main() -> None:
    """Serve one run of the tests: a request frame in, frames of results, then a summary frame out."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    request = located(read_frame(source))
    sys.path[:0] = request["path"]
    for folder in request["site"]:
        site.addsitedir(folder)
    import pytest

    opened = Opened(str(Path.cwd()))
    opened.watch()
    survey = Survey(request["targets"], request["bounds"])
    capture = Capture(request["targets"], request["bounds"], request["chosen"]) if "chosen" in request else None
    watch: Watch = capture or survey
    watcher = Watcher(watch, request["test_files"], request.get("first"))
    watch.arm()
    try:
        status = int(pytest.main(request["arguments"], plugins=[watcher]))
    finally:
        watcher.last_call.cancel()
        watch.disarm()
    if capture is not None:
        _send_calls(sink, capture)
    summary = {
        "status": status,
        "outcomes": watcher.outcomes,
        "missing": sorted(watcher.missing),
        "problems": watcher.problems,
        "cut": sorted(watch.cut),
        "ran": watcher.ran,
        "collected": watcher.collected,
        "seen": watch.seen,
        "chosen": survey.chosen(),
        "modules": {str(index): name for index, name in survey.modules.items()},
        "unpicklable": capture.unpicklable if capture is not None else [],
        "oversized": capture.oversized if capture is not None else [],
        "opened": opened.known(),
    }
    write_frame(sink, {"summary": summary})


def _send_calls(sink: int, capture: Capture) -> None:
    for index, calls in enumerate(capture.calls):
        for start in range(0, len(calls), 8):
            encoded = [base64.b64encode(call).decode() for call in calls[start : start + 8]]
            write_frame(sink, {"function": index, "calls": encoded})


if __name__ == "__main__":
    main()
