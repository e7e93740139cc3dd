"""Turns what was collected and what was reported into the reports that are missing for one row per item.

pytest-html draws a row when it sees a teardown report. An item whose xdist worker crashed has none (its
report has `when="???"`), and an item that never ran has no report at all; both would be absent, nobody told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import pytest

_Outcome = Literal["passed", "failed", "skipped"]


class Rows:
    """Which items have a row by now."""

    def __init__(self) -> None:
        self._expected: dict[str, None] = {}
        self._phases: dict[str, set[str]] = {}
        self._crashes: dict[str, str] = {}
        self._finished: set[str] = set()

    def expect(self, nodeids: Iterable[str]) -> None:
        """Items that must have a row at the end; each xdist worker tells the same list."""
        self._expected.update(dict.fromkeys(nodeids))

    def saw(self, report: pytest.TestReport) -> None:
        """Note one report of one item."""
        self._phases.setdefault(report.nodeid, set()).add(str(report.when))
        if report.when == "teardown" and str(report.outcome) != "rerun":
            self._finished.add(report.nodeid)
        elif str(report.when) not in ("setup", "call", "teardown"):
            self._expected[report.nodeid] = None
            self._crashes[report.nodeid] = report.longreprtext

    def missing(self) -> list[str]:
        """Items without a row, in collection order."""
        return [nodeid for nodeid in self._expected if nodeid not in self._finished]

    def missing_reports(self, reason: str) -> list[pytest.TestReport]:
        """Reports that give each missing item its row; `reason` says why the session left items out."""
        return [report for nodeid in self.missing() for report in self._reports(nodeid, reason)]

    def _reports(self, nodeid: str, reason: str) -> Iterator[pytest.TestReport]:
        phases = self._phases.get(nodeid, set())
        crash = self._crashes.get(nodeid)
        if "call" in phases:
            # The row of the call is there to be drawn; only what came after it is unknown.
            unknown = crash or f"the teardown did not end: {reason}"
            yield _report(nodeid, "teardown", "failed", unknown)
            return
        if crash is not None:
            yield _report(nodeid, "call", "failed", crash)
        elif phases:
            yield _report(nodeid, "call", "skipped", f"stopped while it ran: {reason}")
        else:
            yield _report(nodeid, "call", "skipped", f"not run: {reason}")
        yield _report(nodeid, "teardown", "passed", None)


def _report(nodeid: str, when: Literal["call", "teardown"], outcome: _Outcome, text: str | None) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=nodeid,
        location=(nodeid.partition("::")[0], None, nodeid),
        keywords={},
        outcome=outcome,
        longrepr=text,
        when=when,
    )
