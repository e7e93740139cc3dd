"""Stored runs described, compared and held against each other, from the store to lines and Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import SettingsError, StoreError
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.statistics.conditions import NotComparable
from pytest_cereval.statistics.gate import ExitCode, judge
from pytest_cereval.statistics.noninferiority import Plan
from pytest_cereval.statistics.noninferiority import Verdict as GateVerdict
from pytest_cereval.statistics.render import (
    compare_lines,
    compare_markdown,
    gate_lines,
    gate_markdown,
    run_lines,
    run_markdown,
)
from pytest_cereval.statistics.runs import GateReport, compare, describe, gate
from pytest_cereval.statistics.samples import Item
from pytest_cereval.statistics.thresholds import parse_thresholds
from tests.results.attempts import an_attempt
from tests.statistics.known import an_item

BANDS = ("trivial", "standard", "hard", "adversarial")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        yield opened


def record(store: Store, run_id: str, passed: int, **changes: Any) -> str:
    """A run of 60 tasks, the first `passed` of which pass; each answer claims success."""
    repository = changes.get("repository", "shop")
    model, count = changes.get("model", run_id), changes.get("count", 60)
    provenance = {
        "repository": {"name": repository, "commit": repository, "tree_hash": repository, "dirty": False},
        "rules_version": 1,
        "options": {"temperature": changes.get("temperature", "0.0"), "model": model},
        "model": {"file": f"{model}.gguf", "sha256": changes.get("sha256", model)},
    }
    store.begin_run(run_id, provenance)
    tasks = [
        {"id": f"{repository}-{n}", "name": f"m.f{n}", "category": ("code_generation", "security_audit")[n % 2],
         "band": BANDS[n * 4 // count], "function": f"m.f{n}", "path": f"m{n % 7}.py", "control": n % 10 == 9}
        for n in range(count)
    ]  # fmt: skip
    store.save_tasks(run_id, tasks, [])
    for n, task in enumerate(tasks[: changes.get("asked", count)]):
        for sample in range(changes.get("samples", 1)):
            invalid = n < changes.get("invalid", 0)
            verdict = Verdict.INVALID if invalid else Verdict.PASS if n < passed else Verdict.FAIL_WRONG
            store.save_attempt(
                an_attempt(
                    run_id=run_id, task_id=task["id"], task_name=task["name"], category=task["category"],
                    verdict=verdict, sample=sample, claimed=True, control=task["control"],
                    scores={"located": n < passed + 5} if n % 2 else {},
                )
            )  # fmt: skip
    store.end_run(run_id, "finished")
    return run_id


def test_a_run_is_described_by_rates_bands_and_overturned_claims(store: Store) -> None:
    report = describe(store, record(store, "one", 30))

    assert (report.model, report.repository, report.status) == ("one", "shop", "finished")
    assert (report.overall.value, report.overall.items) == (0.5, 60)
    assert [each.name for each in report.groups["category"]] == ["code_generation", "security_audit"]
    assert len(report.groups["file"]) == 7
    assert [each.items for each in report.groups["band"]] == [14, 13, 14, 13], "controls are in no band"
    assert report.controls is not None
    assert report.controls.items == 6
    assert [each.name for each in report.parts] == ["security_audit: located"]
    assert report.parts[0].value == pytest.approx(17 / 30)
    assert report.at_k == ()
    assert report.bands.trend is not None
    assert set(report.bands_by_category) == {"code_generation", "security_audit"}
    assert [(each.category, each.overturned) for each in report.overturned] == [
        ("code_generation", 15),
        ("security_audit", 12),
        ("security_audit controls", 3),
        ("all", 30),
    ]
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()


def test_several_samples_give_pass_at_k(store: Store) -> None:
    report = describe(store, record(store, "one", 10, samples=3, count=20))

    assert [(each.metric, each.value) for each in report.at_k] == [
        (f"pass{sign}{k}", 0.5) for k in (1, 2, 3) for sign in "@^"
    ]
    assert (report.overall.items, report.overall.samples) == (20, 3)
    assert len(report.bands.saturated) == 9


def test_a_run_reads_as_lines_and_markdown(store: Store) -> None:
    report = describe(store, record(store, "one", 30, invalid=2))
    lines, markdown = "\n".join(run_lines(report)), run_markdown(report)

    assert lines.startswith("48.3 % (")
    assert "N = 58 items in G = 58 functions, K = 1" in lines
    assert "Missing: 2 INVALID attempts, 2 items without a score" in lines
    assert "Pass rate by category" in lines
    assert "all: of 58 answers that claim success, execution overturns 30" in lines
    assert markdown.startswith("## one on shop, run one\n")
    assert "| code\\_generation |" in markdown


def test_models_are_compared_on_the_same_tasks(store: Store) -> None:
    report = compare(store, [record(store, "small", 15), record(store, "large", 45)])

    assert report.comparison.rankings[0].order == ("large", "small")
    assert report.discrimination[0][1].separated == 0.5
    lines = "\n".join(compare_lines(report))
    assert "On 60 items of shop: large > small" in lines
    assert "large less small" in lines
    assert compare_markdown(report).startswith("## Models compared\n")
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()


def test_a_comparison_across_repositories_shows_holes(store: Store) -> None:
    runs = [
        record(store, "a1", 9, model="a", count=12),
        record(store, "b1", 3, model="b", count=12),
        record(store, "a2", 4, model="a", repository="till", count=8),
    ]
    lines = compare_lines(compare(store, runs))

    assert next(line for line in lines if line.startswith("b ")).endswith("no run")


def test_other_settings_are_refused_by_name(store: Store) -> None:
    runs = [record(store, "a", 8, count=12), record(store, "b", 2, count=12, temperature="0.8")]

    with pytest.raises(NotComparable, match=r"options\.temperature is '0.0' in the first and '0.8' in the second"):
        compare(store, runs)
    with pytest.raises(NotComparable, match=r"options\.temperature"):
        gate(store, runs[0], runs[1])
    assert compare(store, runs, allowed=["options.temperature"]).allowed == ("options.temperature",)


def test_an_unknown_run_and_a_lonely_one_are_refused(store: Store) -> None:
    record(store, "a", 1, count=2)

    with pytest.raises(StoreError, match="holds no run 'zzz'"):
        compare(store, ["a", "zzz"])
    with pytest.raises(SettingsError, match="fewer than two runs"):
        compare(store, ["a"])


def test_two_models_of_one_name_are_told_apart_by_their_digests(store: Store) -> None:
    runs = [
        record(store, "a", 4, model="m", count=8, sha256="1111111111"),
        record(store, "b", 2, model="m", count=8, sha256="2222222222"),
    ]

    assert compare(store, runs).comparison.models == ("m 11111111", "m 22222222")


def test_the_gate_is_worse_in_one_direction_only(store: Store) -> None:
    small, large = record(store, "small", 15), record(store, "large", 45)
    worse, better = gate(store, large, small), gate(store, small, large)

    assert (worse.verdict, worse.exit_code) == (GateVerdict.FAIL, ExitCode.WORSE)
    assert (better.verdict, better.exit_code) == (GateVerdict.PASS, ExitCode.PASSED)
    assert worse.result is not None
    assert [each.item for each in worse.result.changes.regressed][:2] == ["m.f15", "m.f16"]
    lines = "\n".join(gate_lines(worse))
    assert lines.startswith("FAIL: small (new) is worse than large (old) by 50.0 points")
    assert "Regressed items, the first 20 of 30" in lines
    assert gate_markdown(worse).count("| m.f") == 30
    assert json.loads(json.dumps(worse.to_dict(), allow_nan=False)) == worse.to_dict()


def test_the_same_answers_again_need_enough_items(store: Store) -> None:
    run, again = record(store, "a", 40), record(store, "b", 40, model="a")

    assert gate(store, run, again, Plan(margin=0.05)).exit_code is ExitCode.PASSED
    assert gate(store, run, again, Plan(margin=0.03)).exit_code is ExitCode.INCONCLUSIVE


def test_a_run_held_against_itself_is_refused(store: Store) -> None:
    run = record(store, "a", 40)

    with pytest.raises(SettingsError, match="run 'a' is both the old and the new one"):
        gate(store, run, run)


def test_thresholds_alone_need_no_old_run(store: Store) -> None:
    run = record(store, "a", 40)
    thresholds = parse_thresholds("code_generation>=0.6,security_audit>=0.9")
    report = gate(store, "", run, thresholds=thresholds)

    assert (report.result, report.verdict, report.exit_code) == (None, GateVerdict.FAIL, ExitCode.WORSE)
    assert gate_lines(report) == [
        "PASS code_generation>=0.6: 66.7 % of 30 items pass.",
        "FAIL security_audit>=0.9: 66.7 % of 30 items pass.",
        "Verdict FAIL, exit code 10.",
    ]


def test_a_failed_threshold_fails_a_gate_that_would_pass(store: Store) -> None:
    run, again = record(store, "a", 40), record(store, "b", 40, model="a")

    assert gate(store, run, again, thresholds=parse_thresholds("0.9")).exit_code is ExitCode.WORSE


def test_a_partial_run_is_not_evaluated(store: Store) -> None:
    report = gate(store, record(store, "a", 40), record(store, "b", 40, asked=20))

    assert (report.verdict, report.exit_code) == (GateVerdict.NOT_EVALUATED, ExitCode.INCONCLUSIVE)
    assert "40 of 60 items were not asked in both runs" in gate_lines(report)[0]


def test_a_side_may_be_one_run_per_repository(store: Store) -> None:
    old = [record(store, f"o{n}", 9, model="old", repository=f"r{n}", count=12) for n in range(6)]
    new = [record(store, f"n{n}", 9, model="new", repository=f"r{n}", count=12) for n in range(6)]
    report = gate(store, old, new)

    assert report.result is not None
    assert report.result.compared is not None
    assert (report.result.compared.items, report.verdict) == (72, GateVerdict.PASS)
    assert (report.old, report.new) == ("old (old)", "new (new)")


def with_public_set(store: Store, run_id: str, passed: int) -> str:
    """Ten tasks of a public set more, the first `passed` of which pass."""
    tasks = [
        {"id": f"h{n}", "name": f"h{n}", "function": f"h{n}", "path": "h.py", "category": "code_generation",
         "about": {"static_set": "humaneval"}}
        for n in range(10)
    ]  # fmt: skip
    store.save_tasks(run_id, [*store.tasks(run_id), *tasks], [])
    for n, task in enumerate(tasks):
        verdict = Verdict.PASS if n < passed else Verdict.FAIL_WRONG
        store.save_attempt(an_attempt(run_id=run_id, task_id=task["id"], task_name=task["name"], verdict=verdict))
    return run_id


def test_a_public_set_is_no_part_of_the_repository_it_was_asked_beside(store: Store) -> None:
    runs = [
        with_public_set(store, record(store, f"{model}{repo}", passed, model=model, repository=repo), public)
        for repo in ("shop", "tiny")
        for model, passed, public in (("large", 50, 9), ("small", 20, 3))
    ]
    found = compare(store, runs).comparison
    rates = {(cell.model, cell.repository): (cell.rate.items, cell.rate.value) for cell in found.cells}

    assert found.repositories == ("shop", "tiny", "humaneval")
    assert rates["large", "shop"] == (60, 50 / 60)
    assert rates["small", "humaneval"] == (10, 0.3)
    assert [name.name for name in describe(store, runs[0]).groups["repository"]] == ["humaneval", "shop"]
    both = gate(store, [runs[0], runs[2]], [runs[1], runs[3]]).result
    assert both is not None
    assert both.compared is not None
    assert both.compared.items == 60 + 60 + 10


def test_a_task_in_two_runs_of_one_side_is_refused(store: Store) -> None:
    once, twice = record(store, "a", 40), record(store, "b", 40)
    new = record(store, "c", 40)

    with pytest.raises(SettingsError, match=r"task m.f0 \(shop-0\) is in two of the runs"):
        gate(store, [once, twice], [new])


def test_a_comparison_tells_of_a_run_that_ended_on_the_way(store: Store) -> None:
    found = compare(store, [record(store, "whole", 40), record(store, "part", 10, asked=20)])

    assert "run part did not ask 40 of its 60 items; its rate is that of the others" in found.remarks
    assert any("40 left out without a score of every model" in line for line in compare_lines(found))


def test_summaries_of_thousands_of_items_stay_below_a_megabyte(store: Store) -> None:
    old, new = (
        GateReport("a", "b", GateVerdict.FAIL, ExitCode.WORSE, judge(arm, other, Plan()), (), (), ())
        for arm, other in [(many("1"), many("0")), (few("1"), few("0"))]
    )
    text = gate_markdown(old)

    assert 500_000 < len(text.encode()) < 1_000_000
    assert "left out to keep this summary small" in text.splitlines()[-1]
    assert text.index("FAIL: ") < text.index("Regressed items")
    assert gate_markdown(new).count("Class.function") == 50
    assert "left out" not in gate_markdown(new)
    assert len(gate_lines(old)) < 60


def many(mark: str, count: int = 6000) -> list[Item]:
    return [an_item(f"package.module_{n % 90}.Class.function_{n}_{'é' * 60}", mark, category="c") for n in range(count)]


def few(mark: str) -> list[Item]:
    return many(mark, 50)


def test_nothing_to_judge_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match="a gate without a new run"):
        gate(store, record(store, "a", 1, count=2), "")
    with pytest.raises(SettingsError, match="a gate without a baseline or a threshold"):
        gate(store, "", "a")
