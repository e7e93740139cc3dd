"""What pytest-html's page shows after real runs: every item has a row, and no text from a model is markup."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.report.html import attempts_on, report_property
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import a_completion, an_attempt

ROOT = Path(__file__).parents[2]

CONFTEST = """
import pytest
from pytest_cereval.report import html
from pytest_cereval.report.terminal import RunInfo

INFO = RunInfo(
    repository="repo <i>x</i>", model="tiny <b>model</b>", run_id="run-1", tasks=3,
    ledger={"async <u>": 2}, provenance_sha256="ab" * 32, store="store.sqlite",
)

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    html.install(config, lambda: INFO)
"""

EVALUATIONS = """
import pytest
from pytest_cereval.report.html import report_property
from pytest_cereval.report.text import failure_text
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import a_completion, an_attempt

EVIL = "</pre></td></script><script>alert(1)</script><img src=x onerror=alert(2)>\\x1b[2J"

def ask(request, *attempts):
    request.node.user_properties.append(report_property(attempts))
    wrong = [each for each in attempts if not each.verdict.is_pass]
    if wrong:
        pytest.fail(failure_text(wrong[0]), pytrace=False)

def test_right(request):
    short = a_completion(completion_tokens=7)
    ask(request, an_attempt(task_id="right", verdict=Verdict.PASS, completion=short))

@pytest.mark.parametrize("x", [1], ids=["<img src=x onerror=alert(3)>"])
def test_wrong(request, x):
    ask(request, an_attempt(task_id="wrong", task_name=EVIL, category=EVIL, stratum=EVIL, requirement=EVIL,
        candidate=EVIL, detail=EVIL, evidence={"error": EVIL}, prompt_user=EVIL, sandbox_level=EVIL))

def test_sampled(request):
    ask(request, *[an_attempt(task_id="sampled", sample=number, verdict=Verdict.PASS) for number in range(2)],
        an_attempt(task_id="sampled", sample=2, verdict=Verdict.NO_ANSWER))

def test_ordinary():
    pass
"""


class Page:
    """A page that pytest-html wrote, and what it would draw from it."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        blob = re.search(r'data-jsonblob="([^"]*)"', self.text)
        assert blob is not None
        self.data: dict[str, Any] = json.loads(html.unescape(blob.group(1)))
        self.tests: dict[str, list[dict[str, Any]]] = self.data["tests"]

    def results(self) -> dict[str, list[str]]:
        """The result of each row, by the name after the last `::`."""
        return {
            nodeid.rpartition("::")[2]: [_text(row["resultsTableRow"][0]) for row in rows]
            for nodeid, rows in self.tests.items()
            if rows
        }

    def row(self, name: str) -> dict[str, str]:
        """The cells of an item's only row, by column."""
        (row,) = next(rows for nodeid, rows in self.tests.items() if nodeid.endswith(f"::{name}"))
        columns = [re.search(r"col-(\w+)", cell) for cell in row["resultsTableRow"]]
        cells = zip(columns, row["resultsTableRow"], strict=True)
        return {column.group(1): cell for column, cell in cells if column is not None}

    def log(self, name: str) -> str:
        """What stands below an item's row."""
        rows = next(rows for nodeid, rows in self.tests.items() if nodeid.endswith(f"::{name}"))
        return html.unescape("\n".join(row["log"] for row in rows))


def _text(cell: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", cell)).strip()


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run pytest with our columns on the given file, and read the page."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST)

    def go(source: str, *options: str, apart: bool = False) -> tuple[pytest.RunResult, Page]:
        pytester.makepyfile(test_it=source)
        # In this process it is faster, but Ctrl-C inside would stop these tests too.
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        result = start("--html=out/report.html", "-W", "error", *options)
        return result, Page(pytester.path / "out" / "report.html")

    return go


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """One run of `EVALUATIONS`, which the tests that only look share."""
    import os
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("looked-at")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(EVALUATIONS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--html=report.html",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir=.",
    ]
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    return Page(folder / "report.html")


def test_our_columns_stand_beside_those_of_pytest_html(page: Page) -> None:
    headings = re.findall(r"<th[^>]*>([^<]*)</th>", page.text.split('id="results-table-head"')[1])

    assert headings == ["Result", "Test", "Category", "Verdict", "Tokens", "Tokens/s", "Duration", "Links"]


def test_a_row_tells_category_verdict_tokens_and_speed(page: Page) -> None:
    row = page.row("test_right")

    assert _text(row["category"]) == "code_generation"
    assert _text(row["verdict"]) == "✓ PASS"
    assert _text(row["tokens"]) == "7"
    assert _text(row["speed"]) == "1.8"


def test_a_row_links_to_its_case(page: Page) -> None:
    links = re.findall(r'href="([^"]*)"[^>]*>([^<]*)<', page.row("test_right")["links"])

    assert [name for _, name in links] == ["case"]
    assert re.fullmatch(r"report_cases/ranges\.clamp\.[0-9a-f]{8}\.html", links[0][0])


def test_several_samples_share_a_row_and_each_has_its_link(page: Page) -> None:
    row = page.row("test_sampled")

    assert _text(row["verdict"]) == "✓ PASS 2 of 3 ∅ NO_ANSWER 1 of 3"
    assert _text(row["tokens"]) == "300"
    assert re.findall(r">(sample \d)<", row["links"]) == ["sample 0", "sample 1", "sample 2"]


def test_tokens_sort_as_numbers_although_pytest_html_sorts_text(page: Page) -> None:
    tokens = {name: page.tests[f"test_it.py::{name}"][0]["tokens"] for name in ("test_right", "test_sampled")}

    assert tokens["test_right"] < tokens["test_sampled"]


def test_an_ordinary_test_keeps_a_row_with_empty_cells(page: Page) -> None:
    row = page.row("test_ordinary")

    assert _text(row["result"]) == "Passed"
    assert [_text(row[name]) for name in ("category", "verdict", "tokens", "speed", "links")] == [""] * 5


def test_nothing_from_outside_becomes_markup(page: Page) -> None:
    cells = [cell for rows in page.tests.values() for row in rows for cell in row["resultsTableRow"]]
    logs = [row["log"] for rows in page.tests.values() for row in rows]
    environment = [str(value) for value in page.data["environment"].values()]
    served = page.text.split("<script>")[0]

    for text in [*cells, *logs, *environment, served]:
        assert not re.search(r"<(script|img src=x|b>|i>|u>)", text)
    assert "&lt;script&gt;" in page.row("test_wrong[<img src=x onerror=alert(3)>]")["category"]


def test_the_summary_stands_in_the_page_itself_and_needs_no_script(page: Page) -> None:
    served = page.text.split("data-jsonblob")[0]

    assert "3 of 5 scored attempts pass" in served
    assert "tiny &lt;b&gt;model&lt;/b&gt;" in served
    assert "async &lt;u&gt;" in served
    assert "ab" * 32 in served
    assert 'href="report_cases/index.html"' in served


def test_the_environment_names_repository_and_model(page: Page) -> None:
    environment = page.data["environment"]

    assert environment["Cereval repository"] == "repo &lt;i&gt;x&lt;/i&gt;"
    assert environment["Cereval model"] == "tiny &lt;b&gt;model&lt;/b&gt;"
    assert "Python" in environment


def test_rows_are_the_same_with_workers(run: Any) -> None:
    result, page = run(EVALUATIONS, "-n", "2")

    assert page.results() == {
        "test_right": ["Passed"],
        "test_wrong[<img src=x onerror=alert(3)>]": ["Failed"],
        "test_sampled": ["Failed"],
        "test_ordinary": ["Passed"],
    }
    assert _text(page.row("test_right")["verdict"]) == "✓ PASS"
    assert "3 of 5 scored attempts pass" in page.text
    result.assert_outcomes(passed=2, failed=2)


CRASHING = """
import os
def test_before(): pass
def test_crash(): os._exit(3)
def test_after(): pass
def test_last(): pass
"""


def test_a_test_whose_worker_crashed_keeps_its_row_and_says_so(run: Any) -> None:
    result, page = run(CRASHING, "-n", "2")

    assert page.results() == {
        "test_before": ["Passed"],
        "test_crash": ["Failed"],
        "test_after": ["Passed"],
        "test_last": ["Passed"],
    }
    assert re.search(r"worker 'gw\d' crashed while running .*test_crash", page.log("test_crash"))
    # Only the page hears of the rows that were added.
    result.assert_outcomes(passed=3, failed=1)


def test_an_attempt_that_a_crash_left_behind_is_in_its_row_and_in_the_summary(
    pytester: pytest.Pytester, run: Any
) -> None:
    pytester.makeconftest(
        CONFTEST
        + """
def pytest_runtest_logreport(report):
    if report.when == "???":
        from pytest_cereval.results.verdict import Verdict
        from tests.results.attempts import an_attempt
        attempt = an_attempt(nodeid=report.nodeid, verdict=Verdict.INVALID, completion=None)
        html.INSTALLED.record(attempt)

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    html.INSTALLED = html.install(config, lambda: INFO)
"""
    )

    _, page = run("import os\ndef test_crash(): os._exit(3)\n", "-n", "1", "--max-worker-restart=0")

    assert _text(page.row("test_crash")["verdict"]) == "! INVALID"
    assert ">case<" in page.row("test_crash")["links"]
    assert "<strong>1 INVALID.</strong>" in page.text


def test_tests_that_a_stopped_session_never_ran_have_rows_that_say_so(run: Any) -> None:
    result, page = run("def test_a(): assert 0\ndef test_b(): pass\ndef test_c(): pass\n", "-x")

    assert page.results() == {"test_a": ["Failed"], "test_b": ["Skipped"], "test_c": ["Skipped"]}
    assert "not run: stopping after 1 failures" in page.log("test_b")
    result.assert_outcomes(failed=1)


def test_workers_that_may_not_be_replaced_leave_rows_for_what_never_ran(run: Any) -> None:
    source = "import os\ndef test_crash(): os._exit(3)\n" + "".join(
        f"def test_{number}(): import time; time.sleep(0.05)\n" for number in range(8)
    )

    _, page = run(source, "-n", "1", "--max-worker-restart=0")

    assert sorted(page.results()) == sorted(["test_crash", *(f"test_{number}" for number in range(8))])
    assert page.results()["test_crash"] == ["Failed"]
    assert page.results()["test_7"] == ["Skipped"]


INTERRUPTED = """
import pytest
def test_before(): pass
def test_during(): raise KeyboardInterrupt
def test_never(): pass
"""


def test_after_ctrl_c_the_running_test_and_those_after_it_have_rows(run: Any) -> None:
    result, page = run(INTERRUPTED, apart=True)

    assert page.results() == {
        "test_before": ["Passed"],
        "test_during": ["Skipped"],
        "test_never": ["Skipped"],
    }
    assert "stopped while it ran: the session was interrupted" in page.log("test_during")
    assert "not run: the session was interrupted" in page.log("test_never")
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_after_pytest_exit_in_a_teardown_the_result_of_the_call_is_kept(run: Any) -> None:
    source = """
import pytest
@pytest.fixture
def thing():
    yield
    pytest.exit("enough", returncode=2)
def test_done(thing): pass
def test_never(): pass
"""
    _, page = run(source)

    assert page.results() == {"test_done": ["Passed", "Error"], "test_never": ["Skipped"]}
    assert "the teardown did not end" in page.log("test_done")


def test_deselected_tests_and_listings_get_no_rows(run: Any) -> None:
    _, selected = run("def test_a(): pass\ndef test_b(): pass\n", "-k", "test_a")
    _, listed = run("def test_a(): pass\ndef test_b(): pass\n", "--collect-only")

    assert selected.results() == {"test_a": ["Passed"]}
    assert listed.results() == {}


def test_setup_errors_and_skips_keep_the_rows_that_pytest_html_gives_them(run: Any) -> None:
    source = """
import pytest
@pytest.fixture
def broken(): raise RuntimeError("no")
def test_error(broken): pass
@pytest.mark.skip(reason="later")
def test_skipped(): pass
"""
    result, page = run(source)

    assert page.results() == {"test_error": ["Error"], "test_skipped": ["Skipped"]}
    result.assert_outcomes(errors=1, skipped=1)


def test_without_the_html_option_nothing_is_registered(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST + "    assert not config.pluginmanager.hasplugin('cereval-html')\n")
    pytester.makepyfile("def test_a(): pass\n")

    for options in ([], ["-p", "no:html"]):
        pytester.runpytest_inprocess(*options).assert_outcomes(passed=1)


def test_hooks_of_a_users_conftest_have_the_last_word(pytester: pytest.Pytester, run: Any) -> None:
    pytester.makeconftest(
        CONFTEST
        + """
def pytest_html_report_title(report):
    report.title = "Nightly"

def pytest_html_results_table_row(report, cells):
    if report.passed:
        del cells[:]
"""
    )

    _, page = run("def test_a(): pass\ndef test_b(): assert 0\n")

    assert page.results() == {"test_b": ["Failed"]}
    assert page.data["title"] == "Nightly"


def _report(*properties: tuple[str, object]) -> pytest.TestReport:
    return pytest.TestReport("a::b", ("a", 0, "b"), {}, "passed", None, "call", user_properties=properties)


def test_a_property_carries_attempts_without_their_long_texts() -> None:
    attempts = [
        an_attempt(verdict=Verdict.PASS),
        an_attempt(sample=1, completion=a_completion(text="x" * 9999)),
    ]

    name, value = report_property(attempts)

    assert attempts_on(_report((name, value))) == [each.without_texts() for each in attempts]
    assert len(value) < 3000


@pytest.mark.parametrize("value", ["not json", "[1]", "{}", '[{"format": 1}]', "null", 7, ["x"]])
def test_a_property_of_that_name_from_somebody_else_is_left_alone(value: object) -> None:
    assert attempts_on(_report(("other", "x"), ("cereval", value))) == []
