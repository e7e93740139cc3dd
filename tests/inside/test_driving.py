"""Coroutines and generators are brought to their end, in time, with nothing left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest

from pytest_cereval.inside.calls import observe
from pytest_cereval.inside.driving import drained, raised_inside
from pytest_cereval.inside.observation import MAX_ITEMS


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker, where no thread of ours could wake a loop; those of other tests' sandboxes may still run here."""
    count, others = threading.active_count, threading.active_count() - 1
    monkeypatch.setattr(threading, "active_count", lambda: count() - others)


def seen(function: Any, *positional: Any) -> dict[str, Any]:
    names = ["a", "b"][: len(positional)]
    call = {"names": names, "positional": list(positional), "star": (), "keyword": {}, "double_star": {}}
    return observe(function, call)


async def doubled(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def refused(number: int) -> int:
    raise KeyError(number)


def test_a_coroutine_shows_what_it_gives_and_is_told_from_a_plain_value() -> None:
    assert seen(doubled, 2)["value"] == ["w", 4]
    assert seen(lambda number: 2 * number, 2)["value"] == 4
    assert seen(doubled, 2)["whole"]


def test_what_a_coroutine_raises_is_raised_by_the_call() -> None:
    observation = seen(refused, 3)
    assert observation["kind"] == "raised"
    assert observation["value"][:2] == ["e", "builtins:KeyError"]


def test_sleep_costs_no_time_and_time_passes_all_the_same() -> None:
    async def slow() -> float:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        return round(asyncio.get_running_loop().time() - before)

    started = time.monotonic()
    assert seen(slow)["value"] == ["w", 3600]
    assert time.monotonic() - started < 5


def test_a_timeout_inside_a_coroutine_comes_about() -> None:
    async def late() -> str:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 60)
        except TimeoutError:
            return "late"
        return "in time"

    assert seen(late)["value"] == ["w", "late"]


def test_what_waits_for_something_outside_cannot_be_shown() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    observation = seen(waits)
    assert not observation["whole"]
    assert observation["value"][1][0] == "?"


def test_what_does_not_let_itself_be_cancelled_ends_as_well() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    assert not seen(stubborn)["whole"]


def test_nothing_is_left_running() -> None:
    ended: list[str] = []

    async def behind() -> None:
        try:
            await asyncio.sleep(1)
            ended.append("slept")
        finally:
            ended.append("ended")

    kept: list[Any] = []

    async def leaves() -> int:
        kept.append(asyncio.create_task(behind()))
        await asyncio.sleep(0)
        return 1

    assert seen(leaves)["value"] == ["w", 1]
    assert ended == ["ended"]
    assert threading.active_count() == 1


def test_a_thread_is_waited_for() -> None:
    async def elsewhere(number: int) -> int:
        await asyncio.to_thread(time.sleep, 0.05)
        return await asyncio.to_thread(lambda: number)

    assert seen(elsewhere, 7)["value"] == ["w", 7]


async def counted(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(1)
        yield number
    if count == 2:
        raise ValueError("two")


def test_an_asynchronous_generator_shows_its_items_and_how_it_broke_off() -> None:
    assert seen(counted, 3)["value"] == ["a", 0, 1, 2]
    assert seen(counted, 2)["value"] == ["a", 0, 1, ["e", "builtins:ValueError"]]
    assert seen(lambda count: list(range(count)), 3)["value"] == ["l", 0, 1, 2]


def grown(count: int) -> Generator[list[int], None, int]:
    held: list[int] = []
    for number in range(count):
        held.append(number)
        yield held
    if count == 3:
        raise ValueError("three")
    return count


def test_a_generator_shows_each_item_as_it_was_and_then_its_end() -> None:
    assert seen(grown, 2)["value"] == ["g", ["l", 0], ["l", 0, 1], ["=", 2]]
    assert seen(grown, 3)["value"] == ["g", ["l", 0], ["l", 0, 1], ["l", 0, 1, 2], ["e", "builtins:ValueError"]]


def test_a_generator_without_end_is_cut() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 1

    async def endless_too() -> AsyncIterator[int]:
        while True:
            yield 1

    for function in (endless, endless_too):
        observation = seen(function)
        assert not observation["whole"]
        assert len(observation["value"]) == MAX_ITEMS + 2
        assert observation["value"][-1] == ["…"]


def test_an_item_that_refers_to_what_holds_the_generator_ends() -> None:
    def holding() -> list[Any]:
        held: list[Any] = []
        held.append(held for _ in range(2))
        return held

    assert seen(holding)["value"] == ["l", ["g", ["^", 2], ["^", 2]]]


def test_the_class_that_broke_off_a_generator_is_known() -> None:
    assert raised_inside(seen(grown, 3)["value"]) == "builtins:ValueError"
    assert raised_inside(seen(grown, 2)["value"]) is None
    assert raised_inside(["g"]) is None
    assert raised_inside(["l", ["e", "x"]]) is None
    assert raised_inside(4) is None


def test_draining_raises_what_comes_out() -> None:
    for raising in (refused(1), counted(2), grown(3)):
        with pytest.raises((KeyError, ValueError)):
            drained(raising)
    drained(7)
