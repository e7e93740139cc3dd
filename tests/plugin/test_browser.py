"""The report of a run, opened in a browser: complete, filtered, harmless, readable for everybody.

Needs Chromium; where there is none, these are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_cereval.models.replay import record_line
from pytest_cereval.tasks.suite import Suite
from tests.plugin.conftest import completion

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
HOSTILE = (
    "</pre></script><script>window.hit = 1</script><img src=x onerror='window.hit = 2'>\n"
    "\x1b[2J\x1b]0;title\x07 \u202etxt.exe\u202c {{ 7919 * 7907 }} " + "x" * 1_000_000
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


class Opened:
    """A page with everything it asked for and said on its console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, path: Path) -> Page:
        """Go there."""
        self.page.goto(path.as_uri())
        return self.page


@pytest.fixture
def browser() -> Iterator[Opened]:
    """A new browser, with a profile of its own."""
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield Opened(started.new_page())
        started.close()


@pytest.fixture(scope="module")
def folder(
    tiny_repository: Path,
    cache_folder: Path,
    suite: Suite,
    right_answers: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The pages of one run in which one answer is hostile and one is wrong."""
    home = tmp_path_factory.mktemp("browsed")
    texts = {**right_answers, suite.tasks[0].name: HOSTILE, suite.tasks[1].name: "```python\ndef nothing(): ...\n```"}
    lines = [record_line(task.prompt, completion(texts[task.name])).rstrip("\n") for task in suite.tasks]
    (home / "answers.jsonl").write_text("\n".join(lines) + "\n")
    options = [
        f"--cereval-repo={tiny_repository}",
        f"--cereval-model=replay:{home / 'answers.jsonl'}",
        f"--cereval-cache={cache_folder}",
        "--cereval-categories=code_generation",
        "--html=report.html",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return home / "report_cases"


def test_rows_equal_items_and_filters_work(folder: Path, browser: Opened, suite: Suite) -> None:
    page = browser.open(folder / "index.html")
    rows = page.locator("#items tbody tr")

    assert rows.count() == len(suite.tasks)
    assert page.inner_text("#told") == f"{len(suite.tasks)} items"
    page.select_option("select[name=verdict]", "PASS")
    passing = page.locator("#items tbody tr:visible")
    assert passing.count() == len(suite.tasks) - 2
    page.fill("input[name=text]", "no such thing")
    assert passing.count() == 0
    page.click("button[type=reset]")
    page.wait_for_function("document.getElementById('told').textContent.endsWith(' items')")
    assert passing.count() == len(suite.tasks)


def test_a_filter_survives_in_the_address(folder: Path, browser: Opened, suite: Suite) -> None:
    page = browser.open(folder / "index.html")
    page.select_option("select[name=verdict]", "NO_ANSWER")
    address = page.url
    page.goto("about:blank")
    page.goto(address)

    assert page.locator("#items tbody tr:visible").count() == 2


def test_a_hostile_answer_harms_no_page_and_no_page_asks_for_anything(folder: Path, browser: Opened) -> None:
    for path in sorted(folder.glob("*.html")):
        page = browser.open(path)
        assert page.evaluate("window.hit") is None
        assert page.title() != "title"
        assert str(7919 * 7907) not in page.content()

    loaded = {Path(url.removeprefix("file://")).name for url in browser.requests}
    assert loaded <= {path.name for path in folder.iterdir()}
    assert browser.said == []


def test_columns_are_sorted_by_a_click(folder: Path, browser: Opened) -> None:
    page = browser.open(folder / "index.html")
    page.click("#items thead button:has-text('Task')")
    names = page.locator("#items tbody td.value").all_inner_texts()

    assert names == sorted(names, key=str.lower)
    assert page.locator("th[aria-sort=ascending]").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_from_reading(folder: Path, browser: Opened, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    browser.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in [folder / "index.html", *sorted(folder.glob("*.html"))[:2]]:
        found = axe.run(browser.open(path)).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []


def test_a_phone_needs_no_sideways_scrolling(folder: Path, browser: Opened) -> None:
    browser.page.set_viewport_size({"width": 390, "height": 800})
    page = browser.open(folder / "index.html")

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_page_of_pytest_html_leads_there_in_one_click(folder: Path, browser: Opened) -> None:
    page = browser.open(folder.parent / "report.html")
    page.click("text=All cases on one page")

    assert page.url.endswith("report_cases/index.html")
