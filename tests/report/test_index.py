"""The report's page: the result first, what may be concluded, charts, and every item with its filters."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pytest_cereval.report.charts import Bar, Step, effects, histogram, shares, steps
from pytest_cereval.report.conclusions import may_conclude, may_not_conclude
from pytest_cereval.report.index import band_bars, claims, index_html, score_rows
from pytest_cereval.report.plots import by_kill_share, contaminated
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.results.statistics import summarise
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.statistics.gate import Change, Changes
from pytest_cereval.statistics.samples import items_of
from tests.commands.test_claims import history
from tests.report.test_cases import Outline
from tests.results.attempts import an_attempt, attempts_like

RUN = Run("run-1", "2026-11-21T10:00:00.000+00:00", None, RunStatus.finished, {})
P, F, ALARM = Verdict.PASS, Verdict.FAIL_WRONG, Verdict.FAIL_FALSE_ALARM


def page(folder: Path, attempts: list[Attempt], **info: Any) -> Outline:
    file = folder / "index.html"
    tasks = [{"id": each.task_id, "path": "shop/prices.py"} for each in attempts]
    links = {(each.task_id, each.sample): f"{each.task_id}.html" for each in attempts}
    file.write_text(index_html(attempts, tasks, RUN, RunInfo(**info), links=links), encoding="utf-8")
    return Outline(file)


def test_every_item_has_a_row_with_what_it_is_filtered_by(tmp_path: Path) -> None:
    attempts = [
        an_attempt(task_id="a", verdict=P, band="hard"),
        an_attempt(task_id="b", verdict=ALARM, band="hard", control=True, category="code_understanding"),
    ]
    found = page(tmp_path, attempts)

    assert [value for name, value in found.attributes if name == "data-verdict"] == ["PASS", "FAIL_FALSE_ALARM"]
    assert [value for name, value in found.attributes if name == "data-band"] == ["hard", "control"]
    assert {value for name, value in found.attributes if name == "data-file"} == {"shop/prices.py"}
    assert [link for link in found.links() if link.endswith(".html")] == ["a.html", "b.html"]


def test_the_result_comes_before_the_items_and_the_gate_before_the_result(tmp_path: Path) -> None:
    text = page(tmp_path, attempts_like(P, F), gate="gate 70 %: NOT met").text

    assert text.index("gate 70 %: NOT met") < text.index("1 of 2 scored attempts pass") < text.index("Items")


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    found = page(tmp_path, attempts_like(*[P, F] * 6, band="hard"))

    loading = {value for name, value in found.attributes if name == "src"}
    assert not loading
    assert "link" not in found.tags
    assert found.tags.count("svg") > 2


def test_bands_and_controls_have_bars_of_their_own() -> None:
    attempts = [
        *attempts_like(P, F, band="trivial", stratum="t"),
        *attempts_like(P, band="adversarial", stratum="a"),
        *attempts_like(ALARM, band="trivial", control=True, stratum="c"),
        *attempts_like(P, stratum="n"),
    ]
    bars = {bar.name: (bar.value, bar.note) for bar in band_bars(attempts)}

    assert list(bars) == [f"code_generation, {name}" for name in ("trivial", "adversarial", "no band", "controls")]
    assert bars["code_generation, trivial"] == (0.5, "1 of 2")
    assert bars["code_generation, controls"] == (0.0, "0 of 1")


def test_parts_of_the_score_are_counted_on_what_was_planted_and_alarms_on_controls() -> None:
    attempts = [
        an_attempt(task_id="a", verdict=F, scores={"located": True, "fixed": False}),
        an_attempt(task_id="b", verdict=Verdict.NO_ANSWER),
        an_attempt(task_id="c", verdict=ALARM, control=True),
        an_attempt(task_id="d", verdict=P, control=True),
        an_attempt(task_id="e", verdict=Verdict.INVALID, scores={"located": True}),
    ]

    assert score_rows(attempts) == [
        ("code_generation", "fixed", 0, 2),
        ("code_generation", "located", 1, 2),
        ("code_generation", "false alarms on controls", 1, 2),
    ]


def test_what_may_not_be_concluded_names_what_is_special_to_the_run() -> None:
    attempts = [
        an_attempt(task_id="a", verdict=P, evidence={"assurance": "in_process"}),
        an_attempt(task_id="b", verdict=Verdict.INVALID, sandbox_level="landlock"),
    ]
    info = RunInfo(limited="a limit", ledger={"never called": 3})
    said = " ".join(may_not_conclude(summarise(attempts), info, attempts))

    for part in ("1 scored tasks are few", "repository: a limit.", "the 3 functions", "1 attempts that are INVALID"):
        assert part in said
    assert "1 verdicts made by the repository's own tests" in said
    assert "1 answers were confined" in said


def test_nothing_is_concluded_from_nothing_scored() -> None:
    attempts = attempts_like(Verdict.INVALID)

    assert may_conclude(summarise(attempts), RunInfo(), attempts) == []


def test_what_was_not_run_is_not_said_to_have_been() -> None:
    attempts = [an_attempt(task_id="a", verdict=P, control=True), an_attempt(task_id="b", verdict=F)]
    said = " ".join(may_conclude(summarise(attempts), RunInfo(), attempts))

    assert "1 of these attempts are controls" in said
    assert "1 passed, by what they say" in said


def test_a_chart_says_its_numbers_to_those_who_do_not_see_it() -> None:
    chart = shares("Pass <rate>", [Bar("hard", 0.25, 0.1, 0.5, "1 of 4"), Bar("none", None, None, None)])

    assert 'aria-label="Pass &lt;rate&gt;. hard: 25 %; none: none"' in chart
    assert "<style" not in chart
    assert "var(--ink)" in chart
    assert "#0102" not in chart


def test_the_end_of_a_run_loads_scipy_only_where_tasks_share_functions() -> None:
    script = (
        "import sys; from tests.report.test_index import *; a = attempts_like(P, P, F, claimed=True, band='hard');"
        "claims(a, [{'id': each.task_id, 'function': each.task_id} for each in a]); print('scipy' in sys.modules);"
        "claims(a, [{'id': each.task_id, 'function': 'f'[:n]} for n, each in enumerate(a)]);"
        "print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True"]


def test_items_that_differ_from_a_baseline_are_drawn_with_what_they_were_and_are(tmp_path: Path) -> None:
    regressed = tuple(Change(f"shop.f{n}", "code_generation", 1.0, 0.2) for n in range(23))
    changes = Changes(regressed, (Change("shop.better", "code_generation", 0.0, 0.6),), None, None)
    found = page(tmp_path, attempts_like(P, F), changes=changes)
    labels = [value for name, value in found.attributes if name == "aria-label"]

    assert "Regressed items against the baseline, the first 20 of 23" in found.text
    assert any(label and "shop.f19: 100 % to 20 %" in label and "shop.f20" not in label for label in labels)
    assert "Improved items against the baseline: 1. shop.better: 0 % to 60 %" in labels


def test_hostile_names_have_no_power_over_a_chart() -> None:
    name = f"<script>alert(1)</script> $\\frac{{1}}$ & 漢字 \u202e \ud800 {'x' * 99}"
    drawn = [
        steps(name, [Step(name, 0.5, 1.0), Step("b", 1.0, 0.0)]),
        effects(name, [Bar(name, -0.1, -0.3, 0.1, name)]),
        shares(name, [Bar(name, 0.5, 0.1, 0.9, "1 of 2")]),
    ]
    for chart in drawn:
        assert "<script" not in chart
        assert "\u202e" not in chart
        assert ElementTree.fromstring(chart.encode()).tag.endswith("svg")  # noqa: S314 - our own
    assert "var(--pass)" in drawn[0]
    assert "var(--fail)" in drawn[0]


def test_old_and_new_functions_and_their_gap_are_drawn_where_a_run_knows_their_age() -> None:
    attempts = [*attempts_like(*[P, P, F] * 8, stratum="old"), *attempts_like(*[P, F, F] * 8, stratum="new")]
    tasks: list[dict[str, Any]] = [
        {
            "id": each.task_id,
            "function": each.task_id,
            "category": each.category,
            "reference": "def f():\n    pass\n",
            "freshness": history("2020-01-01" if each.stratum == "old" else "2025-06-01"),
        }
        for each in attempts
    ]
    dated = replace(RUN, provenance={"options": {"cutoff": "2023-01"}, "repository": {"name": "shop"}})
    charts = dict(contaminated(dated, attempts, tasks))

    assert list(charts) == ["Old and new functions, cutoff 2023-01-31", "Contamination gap, stale less fresh"]
    assert "stale: 67 %; fresh: 33 %" in charts["Old and new functions, cutoff 2023-01-31"]
    assert "matched pairs: +33.3 points" in charts["Contamination gap, stale less fresh"]
    assert contaminated(RUN, attempts, tasks) == []
    assert contaminated(dated, attempts, [{**task, "freshness": None} for task in tasks]) == []


def test_the_pass_rate_is_drawn_by_how_many_mutants_are_killed() -> None:
    attempts = attempts_like(P, P, F, F)
    killed = (20, 20, 17, 19)
    tasks: list[dict[str, Any]] = [
        {"id": each.task_id, "certificate": {"mutants_killed": count, "mutants_total": 20}}
        for each, count in zip(attempts, killed, strict=True)
    ]
    ((_, chart),) = by_kill_share(items_of(attempts, tasks), tasks)

    assert "below 90 %: 0 %; 90 % to below all: 0 %; all: 100 %" in chart
    assert by_kill_share(items_of(attempts[:2], tasks[:2]), tasks[:2]) == []
    assert by_kill_share(items_of(attempts, []), []) == []


def test_charts_of_the_same_numbers_are_the_same_bytes() -> None:
    assert histogram("Length", [1, 2, 3, 40], "tokens") == histogram("Length", [1, 2, 3, 40], "tokens")


def test_bands_and_overturned_claims_are_told_in_words() -> None:
    attempts = [
        *attempts_like(P, P, F, band="trivial", stratum="easy", claimed=True),
        *attempts_like(P, F, F, F, band="hard", stratum="steep", claimed=True),
    ]
    tasks = [{"id": each.task_id, "band": each.band, "category": each.category} for each in attempts]
    told = " ".join(claims(attempts, tasks))

    assert "The band that tells most about the model is" in told
    assert "Of 7 answers that claim success, execution overturns 4" in told
    assert claims(attempts_like(Verdict.INVALID), []) == []
