"""Case pages hold the whole story of an attempt, link to one another, and run nothing."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pytest_cereval.errors import StoreError
from pytest_cereval.report.cases import INDEX_FILE, case_file, cases_folder, write_case_pages
from pytest_cereval.report.page import HIGHLIGHT_LIMIT, highlighted
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import an_attempt, any_attempt

RUN = Run(
    "run-1",
    "2026-11-21T10:00:00.000+00:00",
    None,
    RunStatus.running,
    {"repository": {"commit": "4c3a2b1d"}, "model": {"sha256": "1d96"}, "machine": {"cores": 2, "gpus": []}},
)
TASK: dict[str, Any] = {
    "id": "task-1",
    "name": "ranges.clamp",
    "category": "code_generation",
    "path": "ranges.py",
    "prompt": {"system": "never shown twice", "user": ""},
    "requirement_text": "Return x, but at least low and at most high.",
    "reference": "def clamp(x, low, high):\n    return min(high, max(low, x))\n",
    "certificate": {"replays": 10, "stubs_rejected": 5, "stubs_total": 5},
}
EVIL = "</pre></td><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[2J\u202e"


class Outline(html.parser.HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._pairs: list[tuple[str, str]] = []
        self._name = ""
        self._open = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open = tag
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open == "dt" and data.strip():
            self._name = data
        elif self._open == "dd" and data.strip():
            self._pairs.append((self._name, data))

    def facts(self) -> dict[str, str]:
        """Names and values under the title."""
        return dict(self._pairs)

    def links(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "href"]


def _page(folder: Path, attempt: Attempt, **options: Any) -> Outline:
    write_case_pages(folder, [attempt], [TASK], RUN, **options)
    return Outline(folder / case_file(attempt))


def test_a_page_tells_the_whole_story(tmp_path: Path) -> None:
    page = _page(tmp_path, an_attempt())

    for part in (
        "✗ FAIL_WRONG",
        "Returns another value or leaves its arguments in another state.",
        "clamp(5, 0, 3)",
        "The returned value differs: $. 41 of 41 hidden calls checked, 3 differ.",
        "Return x, but at least low and at most high.",
        "return max(low, x)",
        "return min(high, max(low, x))",
        "You write Python.",
        "Write clamp.",
        "```python",
        "5 of 5",
        "800, 640 of them cached",
        "4.000 s, 25.0 tokens/s",
        "0.2500 logits",
        "4c3a2b1d",
        "1d96",
        "aa" * 32,
        "bb" * 32,
        "cc" * 32,
        "machine.cores",
        "ranges.py",
    ):
        assert part in page.text
    assert "never shown twice" not in page.text


def test_a_page_tells_how_the_answer_was_drawn(tmp_path: Path) -> None:
    facts = _page(tmp_path, an_attempt(sample=2, temperature=0.8, seed=44)).facts()
    old = _page(tmp_path, an_attempt(sample=2)).facts()

    assert (facts["Sample"], facts["Temperature"], facts["Seed"]) == ("2", "0.8", "44")
    assert not {"Temperature", "Seed"} & old.keys()
    zero = _page(tmp_path, an_attempt(temperature=0.0, seed=0)).facts()
    assert (zero["Temperature"], zero["Seed"]) == ("0", "0")


def test_the_smallest_call_can_be_pasted_and_stands_on_the_page_once(tmp_path: Path) -> None:
    attempt = an_attempt()
    smallest = attempt.evidence["smallest"] | {"paste": "from ranges import clamp\n\nassert clamp(5, 0, 3) == 3"}

    page = _page(tmp_path, an_attempt(evidence={**attempt.evidence, "smallest": smallest}))

    assert page.text.count("assert clamp(5, 0, 3) == 3") == 1
    assert (
        page.text.index("The returned value differs") < page.text.index("to paste") < page.text.index("Requirement (")
    )


def test_a_page_shows_the_difference_and_the_certificate_with_its_mutants(tmp_path: Path) -> None:
    certificate = {"replays": 10, "stubs_rejected": 5, "stubs_total": 5, "survivors": ["line 2: min becomes max"]}
    write_case_pages(tmp_path, [an_attempt()], [{**TASK, "certificate": certificate}], RUN)
    page = Outline(tmp_path / case_file(an_attempt()))

    assert "-    return min(high, max(low, x))\n+    return max(low, x)" in page.text
    assert "line 2: min becomes max" in page.text


def test_a_page_without_a_completion_or_a_known_task_is_still_whole(tmp_path: Path) -> None:
    attempt = an_attempt(
        task_id="unlisted",
        verdict=Verdict.INVALID,
        completion=None,
        candidate="",
        evidence={"error": "host died"},
    )

    page = _page(tmp_path, attempt)

    assert "Our machinery failed; says nothing about the model." in page.text
    assert "There is no completion." in page.text
    assert "There was no usable source to judge." in page.text
    assert "host died" in page.text
    assert "Certificate" not in page.text


def test_without_a_requirement_text_the_prompt_is_open(tmp_path: Path) -> None:
    attempt = an_attempt(verdict=Verdict.PASS)  # the page of a failed one opens the difference as well
    told = _page(tmp_path, attempt)
    write_case_pages(tmp_path, [attempt], [], RUN)
    untold = Outline(tmp_path / case_file(attempt))

    assert ("open", None) in untold.attributes
    assert ("open", None) not in told.attributes


def test_hostile_text_stays_text_on_every_page(tmp_path: Path) -> None:
    attempt = an_attempt(
        task_name=EVIL,
        category=EVIL,
        requirement=EVIL,
        stratum=EVIL,
        nodeid=EVIL,
        detail=EVIL,
        candidate=EVIL,
        prompt_system=EVIL,
        prompt_user=EVIL,
        sandbox_level=EVIL,
        completion={**(an_attempt().completion or {}), "text": EVIL, "finish_reason": EVIL},
        evidence={
            "smallest": dict.fromkeys(("call", "expected", "observed", "where", "aspect"), EVIL),
            EVIL: [EVIL],
            "error": EVIL,
            "output": EVIL,
        },
    )
    task = {**TASK, "requirement_text": EVIL, "reference": EVIL, EVIL: EVIL, "certificate": {EVIL: EVIL}}
    run = Run("run-1", "", None, RunStatus.running, {"repository": {EVIL: EVIL}})
    info = RunInfo(model=EVIL, repository=EVIL, gate=EVIL, limited=EVIL, ledger={EVIL: 1}, store=EVIL)

    for path in write_case_pages(tmp_path, [attempt], [task], run, info=info):
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            outline = Outline(path)
            assert "img" not in outline.tags
            assert outline.tags.count("script") == (path.name == INDEX_FILE)
            assert not [name for name, _ in Outline(path).attributes if name.startswith("on")]
            assert "\x1b" not in content
            assert "\u202e" not in content


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_attempt())
def test_any_attempt_has_a_page(tmp_path: Path, attempt: Attempt) -> None:
    page = _page(tmp_path, attempt)

    assert page.tags.count("main") == 1
    assert attempt.verdict.value in page.text


def test_a_policy_in_each_page_forbids_scripts_but_the_one_of_the_index(tmp_path: Path) -> None:
    for path in write_case_pages(tmp_path, [an_attempt()], [TASK], RUN):
        if path.suffix == ".html":
            policies = [value or "" for name, value in Outline(path).attributes if name == "content"]
            (policy,) = [policy for policy in policies if "script-src" in policy]
            scripts = re.findall(r"<script>(.*?)</script>", path.read_text(), re.S)
            digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
            allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
            assert policy.startswith(f"script-src {allowed};")


def test_pages_share_one_style_file_or_carry_it(tmp_path: Path) -> None:
    beside = _page(tmp_path / "beside", an_attempt())
    within = _page(tmp_path / "within", an_attempt(), self_contained=True)

    assert "case.css" in beside.links()
    assert (tmp_path / "beside" / "case.css").is_file()
    assert "case.css" not in within.links()
    assert "--paper" in within.text
    assert not (tmp_path / "within" / "case.css").exists()


def test_links_lead_to_pages_that_are_there(tmp_path: Path) -> None:
    report = tmp_path / "my report.html"
    report.write_text("")
    folder = cases_folder(report)

    written = write_case_pages(folder, [an_attempt(), an_attempt(sample=1)], [TASK], RUN, report=report)

    assert folder == tmp_path / "my report_cases"
    for path in written:
        if path.suffix == ".html":
            for link in Outline(path).links():
                if link.startswith("#"):
                    assert ("id", link[1:]) in Outline(path).attributes
                    continue
                assert (folder / link.replace("%20", " ")).exists(), link


def test_the_list_of_cases_holds_each_case_and_the_summary(tmp_path: Path) -> None:
    attempts = [an_attempt(sample=0), an_attempt(sample=1, verdict=Verdict.PASS)]
    write_case_pages(tmp_path, attempts, [TASK], RUN, info=RunInfo(ledger={"async": 4}))

    index = Outline(tmp_path / "index.html")

    assert {case_file(each) for each in attempts} <= set(index.links())
    assert "1 of 2 scored attempts pass: 50.0 %" in index.text
    assert "Functions without a task: 4" in index.text
    assert index.text.count("ranges.clamp") == 2


def test_names_that_differ_in_letter_case_or_category_only_have_files_of_their_own() -> None:
    names = [
        case_file(an_attempt(task_name=name, task_id=task, sample=sample)).lower()
        for name, task, sample in (("a.B", "1", 0), ("a.b", "2", 0), ("a.b", "3", 0), ("a.b", "3", 1))
    ]

    assert len(set(names)) == 4


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c", "", "..", "x" * 500, "naïve.<locals>.é"])
def test_a_file_name_stays_in_its_folder_and_within_limits(name: str) -> None:
    file = case_file(an_attempt(task_name=name))

    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{1,150}", file)


def test_pages_of_an_earlier_run_go_and_other_files_stay(tmp_path: Path) -> None:
    old = an_attempt(task_id="gone", task_name="gone")
    write_case_pages(tmp_path, [old], [], RUN)
    (tmp_path / "notes.html").write_text("mine")

    write_case_pages(tmp_path, [an_attempt()], [TASK], RUN)

    assert not (tmp_path / case_file(old)).exists()
    assert (tmp_path / "notes.html").read_text() == "mine"


def test_the_same_attempts_give_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_case_pages(tmp_path / "a", [an_attempt()], [TASK], RUN)]
    second = [path.read_bytes() for path in write_case_pages(tmp_path / "b", [an_attempt()], [TASK], RUN)]

    assert first == second


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"case pages in .*file cannot be written") as caught:
        write_case_pages(tmp_path / "file", [an_attempt()], [TASK], RUN)

    assert "--html=PATH" in caught.value.next_step


def test_the_difference_from_the_reference_is_shown_where_there_is_one(tmp_path: Path) -> None:
    differing = _page(tmp_path, an_attempt(candidate="def clamp(x, low, high):\n    return max(low, x)\n"))
    missing = _page(tmp_path, an_attempt(candidate=""))

    assert "-    return min(high, max(low, x))" in differing.text
    assert "+    return max(low, x)" in differing.text
    assert "Difference from the reference" not in missing.text


def test_what_was_planted_is_told_after_the_fact(tmp_path: Path) -> None:
    attempt = an_attempt()
    write_case_pages(tmp_path, [attempt], [{**TASK, "about": {"operator": "boundary", "line": 3}}], RUN)
    text = Outline(tmp_path / case_file(attempt)).text

    assert "What was planted" in text
    assert "boundary" in text


def test_source_is_coloured_and_complete() -> None:
    source = "\ndef f(x):\n    return x < 1 and '<b>'\n\n"

    coloured = str(highlighted(source))

    assert '<span class="k">def</span>' in coloured
    assert html.unescape(re.sub("<[^>]*>", "", coloured)) == source


def test_very_long_source_is_shown_without_colours() -> None:
    source = "<" * (HIGHLIGHT_LIMIT + 1)

    assert str(highlighted(source)) == "&lt;" * (HIGHLIGHT_LIMIT + 1)
