"""Spreads work on functions over several warm benches; results come in the order of the work, whoever did it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
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


def spread(
    setting: Setting,
    units: Sequence[Unit],
    work: Callable[[Bench, Unit], Result],
    *,
    workers: int,
    hash_seed: int = 0,
    done: Callable[[int], None] = lambda count: None,
) -> list[Result | Lost]:
    """Do `work` on every unit, each worker with a bench of its own; a bench that dies costs one unit and is replaced.

    `done` is told after each unit how many are over. Raises `SandboxError` when no bench can be started at all.
    """
    results: list[Result | Lost | None] = [None] * len(units)
    waiting: Iterator[int] = iter(range(len(units)))
    lock = threading.Lock()
    over = 0

    def take() -> int | None:
        with lock:
            return next(waiting, None)

    def serve() -> None:
        nonlocal over
        number = take()
        while number is not None:
            with Bench(setting, hash_seed=hash_seed) as bench:
                alive = True
                while alive and number is not None:
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
                    number = take()

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for future in [pool.submit(serve) for _ in range(min(max(1, workers), len(units)))]:
            future.result()
    return [result for result in results if result is not None]
