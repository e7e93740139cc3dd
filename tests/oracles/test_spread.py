"""Work is spread over benches: each under the seed it needs, long work first, the end of one not that of all."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_cereval.errors import OracleError, SandboxError
from pytest_cereval.oracles import spread as spreading
from pytest_cereval.oracles.spread import Lost, spread
from pytest_cereval.source.functions import SourceFunction


@dataclass(frozen=True)
class Unit:
    """So many seconds of pretended work under a hash seed."""

    name: str
    seed: int = 0
    effort: float = 0.0

    @property
    def function(self) -> SourceFunction:
        raise AssertionError("nothing is asked of the function itself")


@dataclass
class FakeBench:
    """A bench that only says under which seed it was started."""

    setting: object
    hash_seed: int

    def __enter__(self) -> FakeBench:
        return self

    def __exit__(self, *ended: object) -> None:
        """Nothing to end."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The hash seeds of the benches that were started."""
    seeds: list[int] = []

    def start(setting: object, *, hash_seed: int) -> FakeBench:
        seeds.append(hash_seed)
        return FakeBench(setting, hash_seed)

    monkeypatch.setattr(spreading, "Bench", start)
    return seeds


def run(units: list[Unit], work: Any, workers: int = 1) -> list[Any]:
    return spread(
        None,  # type: ignore[arg-type]
        units,
        work,
        workers=workers,
        hash_seed=lambda unit: unit.seed,
        effort=lambda unit: unit.effort,
    )


def test_every_unit_is_worked_on_under_its_own_seed_and_results_keep_the_order(started: list[int]) -> None:
    units = [Unit(f"{seed}{letter}", seed) for letter in "ab" for seed in (3, 1, 2)]
    found = run(units, lambda bench, unit: (unit.name, bench.hash_seed))
    assert found == [(unit.name, unit.seed) for unit in units]
    assert sorted(started) == [1, 2, 3]


def test_the_most_laborious_comes_first(started: list[int]) -> None:
    begun: list[str] = []

    def work(bench: Any, unit: Unit) -> bool:
        begun.append(unit.name)
        return True

    units = [Unit("short", effort=1), Unit("long", effort=3), Unit("other", effort=1)]
    run(units, work)
    assert begun == ["long", "short", "other"]


def test_workers_share_the_seeds_and_then_the_units_of_one(started: list[int]) -> None:
    both = threading.Barrier(2, timeout=10)
    run([Unit("a", 1), Unit("b", 2)], lambda bench, unit: both.wait() >= 0, workers=2)
    assert sorted(started) == [1, 2]

    both.reset()
    started.clear()
    run([Unit("a", 1), Unit("b", 1)], lambda bench, unit: both.wait() >= 0, workers=2)
    assert started == [1, 1]


def test_a_bench_that_ends_costs_one_unit_and_a_fault_of_ours_costs_no_bench(started: list[int]) -> None:
    def work(bench: Any, unit: Unit) -> str:
        if unit.name == "deadly":
            raise SandboxError("the reference process ended")
        if unit.name == "broken":
            raise OracleError("no such field", next_step="report it")
        return unit.name

    found = run([Unit("deadly"), Unit("broken"), Unit("good")], work)
    assert found == [Lost("the reference process ended"), Lost("no such field", ours=True), "good"]
    assert started == [0, 0]


def test_a_worker_that_fails_leaves_the_rest_to_the_others(started: list[int]) -> None:
    done: list[str] = []

    def work(bench: Any, unit: Unit) -> bool:
        if unit.name == "odd":
            raise ValueError("not foreseen")
        done.append(unit.name)
        return True

    with pytest.raises(ValueError, match="not foreseen"):
        run([Unit("odd", effort=9), *(Unit(f"{number}") for number in range(5))], work, workers=2)
    assert sorted(done) == ["0", "1", "2", "3", "4"]
