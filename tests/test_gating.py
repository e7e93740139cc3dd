"""The gate at the end of a run: what is demanded, what is answered, and with which exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_cereval.errors import SettingsError
from pytest_cereval.gating import Demand, check_demand, gated
from pytest_cereval.results.store import Store
from tests.statistics.test_runs import record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.sqlite") as opened:
        record(opened, "old", 40)
        record(opened, "worse", 5)
        record(opened, "alike", 40)
        yield opened


def answer(store: Store, tmp_path: Path, run_id: str, *, asked: int = 60, **demand: object) -> tuple[str, int]:
    found = gated(Demand(**demand), store, tmp_path / "store.sqlite", run_id, asked=asked, tasks=60)  # type: ignore[arg-type]
    return found.sentence, found.exit_code


def test_a_rate_is_met_or_not(store: Store, tmp_path: Path) -> None:
    assert answer(store, tmp_path, "old", rates="0.5")[1] == 0
    sentence, code = answer(store, tmp_path, "old", rates="code_generation>=0.9")
    assert (sentence.startswith("gate FAIL: "), code) == (True, 10)
    assert "code_generation" in sentence


def test_a_worse_model_fails_against_the_baseline_and_an_equal_one_passes_with_a_margin(
    store: Store, tmp_path: Path
) -> None:
    assert answer(store, tmp_path, "worse", baseline="old")[1] == 10
    assert answer(store, tmp_path, "alike", baseline="old", margin=0.2)[1] == 0


def test_both_demands_must_be_met(store: Store, tmp_path: Path) -> None:
    assert answer(store, tmp_path, "alike", baseline="old", margin=0.2, rates="0.9")[1] == 10


def test_a_partial_selection_is_not_evaluated_and_does_not_pass(store: Store, tmp_path: Path) -> None:
    sentence, code = answer(store, tmp_path, "old", rates="0.1", asked=59)

    assert sentence == "gate: not evaluated, 59 of 60 tasks were asked"
    assert code == 11


def test_what_cannot_be_compared_is_undecided_and_says_why(store: Store, tmp_path: Path) -> None:
    record(store, "hot", 40, temperature="0.8")
    sentence, code = answer(store, tmp_path, "hot", baseline="old")

    assert "options.temperature" in sentence
    assert code == 11


def test_the_latest_run_as_a_baseline_is_never_the_run_itself(store: Store, tmp_path: Path) -> None:
    record(store, "newest", 5)
    sentence, code = answer(store, tmp_path, "newest", baseline="latest", margin=0.2)

    assert "newest (new) is worse than alike (old)" in sentence
    assert code == 10
    assert "is both the old and the new one" in answer(store, tmp_path, "newest", baseline="newest")[0]


def test_changed_items_are_kept_for_a_report(store: Store, tmp_path: Path) -> None:
    held = [
        gated(demand, store, tmp_path / "store.sqlite", "worse", asked=60, tasks=60)
        for demand in (Demand(baseline="old"), Demand(rates="0.1"))
    ]

    assert held[0].changes is not None
    assert len(held[0].changes.regressed) == 35
    assert held[1].changes is None


def test_a_baseline_that_is_not_there_is_undecided(store: Store, tmp_path: Path) -> None:
    sentence, code = answer(store, tmp_path, "old", baseline="nobody")

    assert "'nobody' is no run of" in sentence
    assert code == 11


@pytest.mark.parametrize(
    ("demand", "said"),
    [(Demand("code>>1"), "cannot be read"), (Demand(baseline="x", margin=0.0), "--cereval-margin=0.0")],
)
def test_a_demand_that_cannot_be_read_is_refused_before_anything_is_asked(demand: Demand, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        check_demand(demand)
