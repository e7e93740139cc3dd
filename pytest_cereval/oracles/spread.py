"""Spreads work on functions over several warm benches; results come in the order of the work, whoever did it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pytest_cereval.errors import OracleError, SandboxError
from pytest_cereval.oracles.bench import Bench, Setting
from pytest_cereval.source.functions import SourceFunction


class HasFunction(Protocol):
    """A unit of work: it is about one function."""

    @property
    def function(self) -> SourceFunction:
        """The function."""


Unit = TypeVar("Unit", bound=HasFunction)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lost:
    """A unit of work without a result, and what was last heard: it took its bench down, or `ours` is the fault."""

    detail: str
    ours: bool = False


class _Queue:
    """The numbers of units that wait, by hash seed; the most laborious first, so that none of them is begun last."""

    def __init__(
        self, units: Sequence[Unit], hash_seed: Callable[[Unit], int], effort: Callable[[Unit], float]
    ) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, deque[int]] = {}
        self._serving: Counter[int] = Counter()
        for number in sorted(range(len(units)), key=lambda number: -effort(units[number])):
            self._waiting.setdefault(hash_seed(units[number]), deque()).append(number)

    def begin(self) -> int | None:
        """The hash seed that a new bench helps most with: one that nobody serves, else that with most waiting."""
        with self._lock:
            open_seeds = [seed for seed, waiting in self._waiting.items() if waiting]
            if not open_seeds:
                return None
            seed = min(open_seeds, key=lambda seed: (self._serving[seed], -len(self._waiting[seed])))
            self._serving[seed] += 1
            return seed

    def take(self, seed: int) -> int | None:
        """The next unit under this hash seed."""
        with self._lock:
            return self._waiting[seed].popleft() if self._waiting[seed] else None

    def end(self, seed: int) -> None:
        """A bench under this hash seed is gone."""
        with self._lock:
            self._serving[seed] -= 1


def spread(
    setting: Setting,
    units: Sequence[Unit],
    work: Callable[[Bench, Unit], Result],
    *,
    workers: int,
    hash_seed: Callable[[Unit], int] = lambda unit: 0,
    effort: Callable[[Unit], float] = lambda unit: 0.0,
    done: Callable[[int], None] = lambda count: None,
) -> list[Result | Lost]:
    """Do `work` on every unit, each worker with a bench of its own; a bench that dies costs one unit and is replaced.

    `hash_seed` is that of the bench which a unit needs, `effort` how much work it makes, in any measure. `done` is told
    after each unit how many are over. Raises `SandboxError` when no bench can be started at all.
    """
    results: list[Result | Lost | None] = [None] * len(units)
    queue = _Queue(units, hash_seed, effort)
    lock = threading.Lock()
    over = 0

    def work_under(seed: int) -> None:
        nonlocal over
        with Bench(setting, hash_seed=seed) as bench:
            alive = True
            while alive and (number := queue.take(seed)) is not None:
                try:
                    results[number] = work(bench, units[number])
                except OracleError as error:
                    results[number] = Lost(error.what, ours=True)
                except SandboxError as error:
                    results[number] = Lost(error.what)
                    alive = False
                with lock:
                    over += 1
                    done(over)

    def serve() -> None:
        while (seed := queue.begin()) is not None:
            try:
                work_under(seed)
            finally:
                queue.end(seed)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for future in [pool.submit(serve) for _ in range(min(max(1, workers), len(units)))]:
            future.result()
    return [result for result in results if result is not None]
