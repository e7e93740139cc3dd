"""`cereval inspect` shows runs, tasks and attempts as tables, and lets no text of a model act on the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_cereval.cli import main
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from tests.bundle.conftest import OTHER, RUN, attempt_at

Inspect = Callable[..., Result]


@pytest.fixture
def inspect(store_file: Path) -> Inspect:
    return lambda *arguments: CliRunner().invoke(main, ["inspect", f"--store={store_file}", *arguments])


def test_the_latest_run_is_shown_with_its_rates_and_attempts(inspect: Inspect) -> None:
    shown = [inspect(), inspect("latest"), inspect(RUN), inspect(RUN[:8])]
    text = shown[0].output

    assert {result.output for result in shown} == {text}
    assert "2 of 4  50.0 % (15.0 to 85.0 %)" in text
    assert "shop.prices.f1" in text
    assert "✗ FAIL_WRONG" in text
    assert "1 empty body" in text
    assert "a1a1a1a1" in text


def test_a_task_is_shown_over_all_runs(inspect: Inspect) -> None:
    shown = [inspect(name) for name in ("f0", "prices.f0", "shop.prices.f0", f"{0:016x}")]

    assert len({result.output for result in shown}) == 1
    assert "Write `f0`." in shown[0].output
    assert RUN in shown[0].output
    assert OTHER in shown[0].output
    assert "2 attempts" in shown[0].output


def test_an_attempt_is_shown_with_its_evidence_and_answer(inspect: Inspect) -> None:
    text = inspect("latest/f1").output

    assert "FAIL_WRONG (wrong result)" in text
    assert "f(1)" in text
    assert "def f1(): return 1" in text
    assert "answer 1 a \\ud800 half" in text
    assert inspect(f"{RUN}/shop.prices.f1/0").output == text


def test_the_json_is_the_record(inspect: Inspect) -> None:
    run = json.loads(inspect("--json").output)
    task = json.loads(inspect("f1", "--json").output)
    attempt = json.loads(inspect("latest/f1", "--json").output)

    assert (run["kind"], task["kind"], attempt["kind"]) == ("run", "task", "attempt")
    assert run["statistics"]["overall"]["passed"] == 2
    assert run["without_task"] == {"empty body": 1}
    assert task["task"]["name"] == "shop.prices.f1"
    assert attempt["attempt"] == attempt_at(1, Verdict.FAIL_WRONG).to_dict()


def test_what_is_not_there_or_not_one_is_said(inspect: Inspect, tmp_path: Path) -> None:
    nothing, both, tasks = inspect("nothing"), inspect("2026"), inspect("0000")
    sample = inspect("latest/f1/7")
    no_store = CliRunner().invoke(main, ["inspect", f"--store={tmp_path / 'none.sqlite'}"])

    assert "holds no run and no task 'nothing'" in nothing.output
    assert f"'2026' fits 2 runs\n  → give more of one: {OTHER}, {RUN}" in both.output
    assert "'0000' fits 5 tasks" in tasks.output
    assert "holds no sample 7 of this task\n  → choose one of: 0" in sample.output
    assert "there is no store at" in no_store.output
    assert {each.exit_code for each in (nothing, both, tasks, sample, no_store)} == {1}


def test_text_of_a_model_does_nothing_in_a_terminal(inspect: Inspect, store_file: Path) -> None:
    hostile = "[bold red]x[/] [link=http://a.b]y[/link] \x1b]0;title\x07 \x1b[2J \u202eback :smile: \r gone"
    with Store.open(store_file) as store:
        store.save_attempt(attempt_at(0, Verdict.PASS, text=hostile))

    text = inspect("latest/f0").output

    assert "[bold red]x[/] [link=http://a.b]y[/link] \\x1b]0;title\\x07 \\x1b[2J \\u202eback :smile: \\r gone" in text
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)


def test_the_store_of_a_bundle_can_be_named_by_its_folder(bundle: Path) -> None:
    result = CliRunner().invoke(main, ["inspect", f"--store={bundle}", "latest/f1"])

    assert result.exit_code == 0
    assert "FAIL_WRONG" in result.output


def test_a_run_is_bundled_and_verified_by_commands(store_file: Path, tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["export", f"--store={store_file}", f"--bundle={tmp_path / 'b'}", f"--run={OTHER}"])
    again = CliRunner().invoke(main, ["export", f"--store={store_file}", f"--bundle={tmp_path / 'b'}"])
    alone = CliRunner().invoke(main, ["export", f"--store={store_file}", "--sign=key.pem"])

    assert made.exit_code == 0
    assert "unsigned), manifest sha256 " in made.output
    assert CliRunner().invoke(main, ["verify", str(tmp_path / "b")]).exit_code == 0
    assert "exists and is not an empty folder" in again.output
    assert alone.exit_code == 2
