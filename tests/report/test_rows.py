"""Which items still lack a row, and with which reports they get one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cereval.report.rows import Rows


def _report(nodeid: str, when: Any, outcome: Any = "passed", text: str | None = None) -> pytest.TestReport:
    return pytest.TestReport(nodeid, ("a.py", None, nodeid), {}, outcome, text, when)


def _told(rows: Rows) -> list[tuple[str, str | None, str, str]]:
    return [
        (each.nodeid, each.when, each.outcome, each.longreprtext.strip()) for each in rows.missing_reports("enough")
    ]


def test_an_item_with_a_teardown_needs_nothing() -> None:
    rows = Rows()
    rows.expect(["a"])
    for when in ("setup", "call", "teardown"):
        rows.saw(_report("a", when))

    assert _told(rows) == []


def test_items_that_never_ran_come_in_collection_order_whatever_worker_told_them() -> None:
    rows = Rows()
    rows.expect(["b", "a"])
    rows.expect(["b", "a"])

    assert _told(rows) == [
        ("b", "call", "skipped", "not run: enough"),
        ("b", "teardown", "passed", ""),
        ("a", "call", "skipped", "not run: enough"),
        ("a", "teardown", "passed", ""),
    ]


def test_a_rerun_is_not_the_end_of_an_item() -> None:
    rows = Rows()
    rows.expect(["a"])
    rows.saw(_report("a", "setup"))
    rows.saw(_report("a", "teardown", "rerun"))

    assert _told(rows)[0] == ("a", "call", "skipped", "stopped while it ran: enough")


def test_a_crash_fails_the_item_even_if_nobody_said_it_was_collected() -> None:
    rows = Rows()
    rows.saw(_report("a", "setup"))
    rows.saw(_report("a", "???", "failed", "worker 'gw0' crashed"))

    assert _told(rows) == [
        ("a", "call", "failed", "worker 'gw0' crashed"),
        ("a", "teardown", "passed", ""),
    ]


def test_a_crash_after_the_call_keeps_the_result_of_the_call() -> None:
    rows = Rows()
    rows.expect(["a"])
    rows.saw(_report("a", "call"))
    rows.saw(_report("a", "???", "failed", "worker 'gw0' crashed"))

    assert _told(rows) == [("a", "teardown", "failed", "worker 'gw0' crashed")]


def test_rows_that_were_added_are_not_added_again() -> None:
    rows = Rows()
    rows.expect(["a"])
    for report in rows.missing_reports("enough"):
        rows.saw(report)

    assert rows.missing() == []
