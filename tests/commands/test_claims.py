"""The commands that say what stored runs show: their words, their exit codes, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_cereval.cli import main
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from tests.results.attempts import an_attempt
from tests.statistics.test_runs import record

OLD_BODY = "def f():\n    return 1\n"


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Three runs: good, bad, and as good as the first."""
    file = tmp_path / "store.sqlite"
    with Store.open(file) as store:
        for name, passed in (("good", 40), ("bad", 5), ("alike", 40)):
            record(store, name, passed)
    return file


def cereval(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_the_gate_ends_with_ten_for_a_worse_model_and_names_what_regressed(stored: Path) -> None:
    result = cereval("gate", "good", "bad", f"--store={stored}")

    assert result.exit_code == 10, result.output
    assert result.output.startswith("FAIL")
    assert "m.f10" in result.output


def test_the_gate_ends_with_zero_for_an_equal_one_and_eleven_where_items_are_too_few(stored: Path) -> None:
    equal = cereval("gate", "good", "alike", "--margin=0.2", f"--store={stored}")
    with Store.open(stored) as store:
        record(store, "few", 3, repository="tiny", count=6)
        record(store, "some", 2, repository="tiny", count=6)
    unclear = cereval("gate", "few", "some", f"--store={stored}")

    assert equal.exit_code == 0, equal.output
    assert unclear.exit_code == 11, unclear.output


def test_runs_of_another_store_are_named_by_its_file(stored: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with Store.open(other) as store:
        record(store, "new", 40)
    result = cereval("gate", "good", f"{other}#latest", "--margin=0.2", f"--store={stored}")

    assert result.exit_code == 0, result.output


def test_an_unknown_run_is_named_with_where_to_look(stored: Path) -> None:
    result = cereval("report", "nothing", f"--store={stored}")

    assert result.exit_code == 1
    assert "'nothing' is no run of" in result.output
    assert "cereval runs" in result.output


def test_a_beginning_that_fits_several_runs_is_refused(stored: Path) -> None:
    with Store.open(stored) as store:
        record(store, "goodish", 1)
    result = cereval("report", "goo", f"--store={stored}")

    assert "'goo' fits 2 runs" in result.output


def test_a_comparison_is_written_as_markdown_beside_its_json(stored: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    result = cereval("compare", "good", "bad", "--json", f"--markdown={summary}", f"--store={stored}")

    assert result.exit_code == 0, result.output
    assert {"comparison", "discrimination"} <= json.loads(result.output).keys()
    assert summary.read_text().startswith("## Models compared")


def test_runs_under_other_conditions_are_refused_naming_the_field(stored: Path) -> None:
    with Store.open(stored) as store:
        record(store, "hot", 40, temperature="0.8")
    refused = cereval("compare", "good", "hot", f"--store={stored}")
    allowed = cereval("compare", "good", "hot", "--allow=options.temperature", f"--store={stored}")

    assert refused.exit_code == 1
    assert "options.temperature is '0.0' in the first and '0.8' in the second" in refused.output
    assert allowed.exit_code == 0, allowed.output


def history(first_seen: str, bounded: bool = False) -> dict[str, object]:
    return {
        "first_seen": f"{first_seen}T00:00:00+00:00",
        "first_commit": "a" * 40,
        "last_changed": f"{first_seen}T00:00:00+00:00",
        "last_commit": "a" * 40,
        "bounded": bounded,
    }


@pytest.fixture
def aged(tmp_path: Path) -> Path:
    """A run of forty tasks: half of them old, of which most pass, half new, of which few do; one of neither kind."""
    file = tmp_path / "aged.sqlite"
    with Store.open(file) as store:
        store.begin_run("one", {"repository": {"name": "shop"}, "model": {"file": "model.gguf", "sha256": "1"}})
        tasks: list[dict[str, Any]] = [
            {
                "id": f"t{n}",
                "name": f"m.f{n}",
                "function": f"m.f{n}",
                "path": "m.py",
                "reference": OLD_BODY,
                "category": "code_generation",
                "certificate": {"branches_total": n % 3},
                "freshness": history("2020-01-01" if n < 20 else "2025-06-01"),
            }
            for n in range(40)
        ]
        tasks.append({**tasks[0], "id": "between", "freshness": history("2024-06-15")})
        tasks.append({**tasks[0], "id": "unknown", "freshness": None})
        store.save_tasks("one", tasks, [])
        for n, task in enumerate(tasks):
            passing = n % 20 < (16 if n < 20 else 4)
            verdict = Verdict.PASS if passing else Verdict.FAIL_WRONG
            store.save_attempt(an_attempt(run_id="one", task_id=task["id"], task_name=task["name"], verdict=verdict))
        store.end_run("one", "finished")
    return file


def test_the_contamination_gap_compares_old_with_new_and_says_what_is_in_neither_arm(aged: Path) -> None:
    result = cereval("contamination", "one", "--cutoff=2024-06", f"--store={aged}", "--json")
    found = json.loads(result.output)

    assert (found["stale"], found["fresh"], found["unclear"], found["undated"]) == (20, 20, 1, 1)
    assert found["gap"]["matched"]["value"] == pytest.approx(0.6, abs=0.1)
    assert found["gap"]["matched"]["low"] > 0


def test_a_run_without_dates_has_no_gap_and_says_how_to_get_one(stored: Path) -> None:
    result = cereval("contamination", "good", "--cutoff=2024-06", f"--store={stored}")

    assert result.exit_code == 1
    assert "--cereval-cutoff=DATE" in result.output


def two_models(file: Path, **changes: Any) -> None:
    """Runs `older` and `newer` on forty tasks written between their cutoffs, forty after both and forty before both.

    The newer model passes 18 in 20 of what lies between and 10 in 20 elsewhere, the older one half of everything.
    """
    years = ("2019-03-01", "2023-01-01", "2026-01-01")
    with Store.open(file) as store:
        tasks: list[dict[str, Any]] = [
            {
                "id": f"t{n}", "name": f"m.f{n}", "function": f"m.f{n}", "path": "m.py", "category": "code_generation",
                "freshness": history(years[n // 40] if n >= 20 else "2018-03-01"),
            }
            for n in range(120)
        ]  # fmt: skip
        public = {"about": {"static_set": "humaneval"}, "freshness": None, "path": "h.py"}
        tasks += [{**tasks[0], **public, "id": f"h{n}", "name": f"h{n}", "function": f"h{n}"} for n in range(20)]
        for name in ("older", "newer"):
            store.begin_run(
                name,
                {
                    "repository": {"name": "shop"},
                    "model": {"file": f"{name}.gguf", "sha256": changes.get(name, name)},
                    "options": {"temperature": "0.0"},
                },
            )  # fmt: skip
            store.save_tasks(name, tasks, [])
            for n, task in enumerate(tasks):
                passing = n % 20 < (18 if name == "newer" and 40 <= n < 80 else 10)
                verdict = Verdict.PASS if passing else Verdict.FAIL_WRONG
                store.save_attempt(an_attempt(run_id=name, task_id=task["id"], task_name=task["name"], verdict=verdict))
            store.end_run(name, "finished")


STRADDLE = ("--cutoff=2022-01", "--newer=newer", "--newer-cutoff=2024-06")


def test_two_models_show_what_only_the_newer_one_can_have_seen(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    two_models(file)
    found = json.loads(cereval("contamination", "older", *STRADDLE, f"--store={file}", "--json").output)
    told = cereval("contamination", "older", *STRADDLE, f"--store={file}").output

    assert (found["between"], found["after"], found["before"], found["undated"]) == (40, 40, 40, 0)
    assert found["effect"]["value"] == pytest.approx(0.4)
    assert found["effect"]["low"] > 0
    assert found["placebo"]["value"] == 0.0
    assert found["public"][0]["name"] == "straddle less humaneval"
    assert found["public"][0]["value"] == pytest.approx(0.4)
    gains = {each["group"]: (each["items"], each["new"] - each["old"]) for each in found["gains"]}
    assert gains["between the cutoffs"] == (40, pytest.approx(0.4))
    assert gains["humaneval"] == (20, 0.0)
    assert told.startswith("straddle: +40.0 points (")
    assert "placebo: +0.0 points" in told


def test_a_straddle_is_refused_where_nothing_can_lie_between(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    two_models(file)
    turned = cereval(
        "contamination", "newer", "--cutoff=2024-06", "--newer=older", "--newer-cutoff=2022-01", f"--store={file}"
    )
    alone = cereval("contamination", "older", "--cutoff=2022-01", "--newer=newer", f"--store={file}")

    assert "the newer model's cutoff 2022-01-31 is not after the older's 2024-06-30" in turned.output
    assert "--newer and --newer-cutoff belong together" in alone.output


def test_a_straddle_of_one_model_or_of_other_conditions_is_refused(tmp_path: Path, stored: Path) -> None:
    file = tmp_path / "alike.sqlite"
    two_models(file, newer="older")
    same = cereval("contamination", "older", *STRADDLE, f"--store={file}")
    other = cereval(
        "contamination",
        "older",
        "--cutoff=2022-01",
        f"--newer={stored}#good",
        "--newer-cutoff=2024-06",
        f"--store={file}",
    )

    assert "both sides of the straddle are runs of older" in same.output
    assert "were not made under the same conditions" in other.output


def test_a_straddle_without_dates_says_how_to_get_them(stored: Path) -> None:
    result = cereval(
        "contamination", "good", "--cutoff=2022-01", "--newer=bad", "--newer-cutoff=2024-06", f"--store={stored}"
    )

    assert result.exit_code == 1
    assert "--cereval-cutoff=DATE" in result.output


def test_a_newer_public_set_gives_the_others_a_gap_to_compare_with(aged: Path) -> None:
    with Store.open(aged) as store:
        sets = {"humaneval": 16, "young": 8}
        tasks = [
            {
                "id": f"{name}{n}", "name": f"{name}{n}", "function": f"{name}{n}", "path": "p.py",
                "category": "code_generation", "about": {"static_set": name},
            }
            for name in sets
            for n in range(20)
        ]  # fmt: skip
        store.save_tasks("one", [*store.tasks("one"), *tasks], [])
        for n, task in enumerate(tasks):
            passing = n % 20 < sets[str(task["id"]).rstrip("0123456789")]
            verdict = Verdict.PASS if passing else Verdict.FAIL_WRONG
            store.save_attempt(an_attempt(run_id="one", task_id=task["id"], task_name=task["name"], verdict=verdict))
    found = json.loads(
        cereval("contamination", "one", "--cutoff=2024-06", "--fresh-set=young", f"--store={aged}", "--json").output
    )
    plain = json.loads(cereval("contamination", "one", "--cutoff=2024-06", f"--store={aged}", "--json").output)
    unknown = cereval("contamination", "one", "--cutoff=2024-06", "--fresh-set=mbpp", f"--store={aged}")

    assert found["static_gap"]["value"] == pytest.approx(0.4)
    assert found["beyond_static"]["value"] == pytest.approx(found["gap"]["matched"]["value"] - 0.4)
    assert (plain["static_gap"], len(plain["static"])) == (None, 2)
    assert "no run has items of the public set 'mbpp'" in unknown.output
    assert "name one of humaneval and young" in unknown.output


def test_the_same_run_twice_is_not_twice_as_much(aged: Path) -> None:
    result = cereval("contamination", "one", "one", "--cutoff=2024-06", f"--store={aged}")

    assert result.exit_code == 1
    assert "task m.f0 (t0) is in two of the runs" in result.output


def test_a_gap_of_two_models_is_refused(stored: Path) -> None:
    result = cereval("contamination", "good", "bad", "--cutoff=2024-06", f"--store={stored}")

    assert "a contamination gap of 2 models: good, bad" in result.output
