"""Coroutines and generators of answers are brought to their end and compared as those of the reference are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.render import is_plain, render_observation
from pytest_cereval.results.verdict import Verdict
from tests.oracles.judging import Place, call, place

FETCHED = """async def fetched(items, pause=1.0):
    if any(item < 0 for item in items):
        raise ValueError("negative")
    return [2 * item for item in items]
"""
TICKS = """async def ticks(count):
    number = 0
    while number < count:
        yield number
        number += 1
"""
CHUNKS = """def chunks(items, size):
    if size < 1:
        raise ValueError(f"no size: {size}")
    rest = list(items)
    while rest:
        yield rest[:size]
        rest = rest[size:]
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(tmp_path_factory.mktemp("later"))


@pytest.fixture(scope="module")
def hidden(target: Place) -> dict[str, list[Input]]:
    calls = {
        "fetched": [call(items, 100.0, names="items pause") for items in ([], [1, 2], [3, -1, 4])],
        "ticks": [call(count, names="count") for count in (0, 1, 5)],
        "chunks": [call([1, 2, 3, 4, 5], size, names="items size") for size in (0, 1, 2, 9)],
    }
    return {name: target.inputs(name, entries) for name, entries in calls.items()}


@pytest.mark.parametrize(("name", "answer"), [("fetched", FETCHED), ("ticks", TICKS), ("chunks", CHUNKS)])
def test_a_right_answer_passes(target: Place, hidden: dict[str, list[Input]], name: str, answer: str) -> None:
    started = time.monotonic()
    finding = target.judge(name, hidden[name], answer)
    assert finding.verdict is Verdict.PASS, finding
    assert time.monotonic() - started < 60, "the pauses of the reference and of inputs take no time"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("fetched", FETCHED.replace("async def", "def")),
        ("fetched", FETCHED.replace("2 * item", "3 * item")),
        ("ticks", TICKS.replace("number = 0", "number = 1")),
        ("ticks", "async def ticks(count):\n    return list(range(count))\n"),
        ("ticks", "def ticks(count):\n    yield from range(count)\n"),
        ("chunks", "def chunks(items, size):\n    return [items[n:n + size] for n in range(0, len(items), size)]\n"),
        ("chunks", CHUNKS.replace("while rest:", "while len(rest) >= size:")),
        ("chunks", CHUNKS.replace("if size < 1:", "if size < 0:").replace("while rest", "while rest and size")),
        ("chunks", CHUNKS + "    return 1\n"),
    ],
)
def test_another_behaviour_fails(target: Place, hidden: dict[str, list[Input]], name: str, answer: str) -> None:
    finding = target.judge(name, hidden[name], answer)
    assert finding.verdict in (Verdict.FAIL_WRONG, Verdict.FAIL_EXCEPTION), finding


def test_what_never_ends_cannot_be_shown(target: Place, hidden: dict[str, list[Input]]) -> None:
    waiting = "import asyncio\nasync def fetched(items, pause=1.0):\n    await asyncio.Event().wait()\n"
    assert target.judge("fetched", hidden["fetched"], waiting).verdict is Verdict.FAIL_UNREPRESENTABLE
    endless = "async def ticks(count):\n    while True:\n        yield 0\n"
    assert target.judge("ticks", hidden["ticks"], endless).verdict in (
        Verdict.FAIL_UNREPRESENTABLE,
        Verdict.FAIL_WRONG,
    )


def test_they_are_shown_for_what_they_are(hidden: dict[str, list[Input]]) -> None:
    shown = {name: [render_observation(item.observation) for item in items] for name, items in hidden.items()}
    assert shown["fetched"] == ["awaitable([])", "awaitable([2, 4])", "raises ValueError: -1"]
    assert shown["ticks"] == ["aiter([])", "aiter([0])", "aiter([0, 1, 2, 3, 4])"]
    assert shown["chunks"][0] == "iter([raises ValueError])"
    assert shown["chunks"][3] == "iter([[1, 2, 3, 4, 5]])"
    assert not is_plain(hidden["chunks"][0].observation["value"])
    assert is_plain(hidden["chunks"][3].observation["value"])


def test_a_question_says_what_a_call_makes(tmp_path: Path) -> None:
    from pytest_cereval.source.scan import scan
    from pytest_cereval.tasks.prompt import PromptSettings, Surroundings, code_generation_prompt

    tree = Path(__file__).parents[1] / "repos" / "target"
    found = {function.bare_name: function for function in scan(tree).functions}

    def question(name: str) -> str:
        around = Surroundings("target", tree, {})
        return code_generation_prompt(found[name], (), around, PromptSettings(400)).user

    assert "async def fetched(" in question("fetched")
    assert "A call of it makes a coroutine (`async def`); it must stay one." in question("fetched")
    assert "makes an asynchronous generator (`async def` with `yield`)" in question("ticks")
    assert "makes a generator (`yield`)" in question("chunks")
    assert "A call of it makes" not in question("ranked")
