"""Calls are drawn near recorded ones, the same ones every time, and a failure shrinks to a small call."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
import time
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import settings

from pytest_cereval.inside.edits import apply
from pytest_cereval.inside.observation import Encoder
from pytest_cereval.inside.plain import decode
from pytest_cereval.oracles.annotations import type_of
from pytest_cereval.oracles.properties import draw, shrink
from pytest_cereval.oracles.render import render_call
from pytest_cereval.oracles.space import Base, Change, Place, changed_arguments, space_of
from pytest_cereval.source.functions import SourceFunction, extract_functions

TEXT = "def f(items, limit=2, *, name: str = 'a', pair=(1, 'b')):\n    return items\n"
CALLS: list[dict[str, Any]] = [
    {"items": [3, 1, number][:number], "limit": number, "name": "zed", "pair": (number, {"k": 1.5})}
    for number in range(4)
]


@pytest.fixture
def function(tmp_path: Path) -> SourceFunction:
    (tmp_path / "m.py").write_text(TEXT)
    return extract_functions(tmp_path, PurePosixPath("m.py"))[0]


@pytest.fixture
def space(function: SourceFunction) -> tuple[Base, ...]:
    return space_of(function, [({"call": str(n)}, Encoder().encode(call)) for n, call in enumerate(CALLS)])


def call_of(change: Change, space: tuple[Base, ...]) -> dict[str, Any]:
    """The call with the change made as a worker makes it."""
    arguments = CALLS[int(space[change.base].entry["call"])]
    call: dict[str, Any] = {
        "names": ["items", "limit"],
        "positional": [list(arguments["items"]), arguments["limit"]],
        "star": (),
        "keyword": {"name": arguments["name"], "pair": (arguments["pair"][0], dict(arguments["pair"][1]))},
        "double_star": {},
    }
    for edit in change.edits:
        apply(call, list(edit), None)
    return call


def test_the_same_seed_draws_the_same_calls_and_another_does_not(space: tuple[Base, ...]) -> None:
    first = draw(space, 7)
    assert len(first) > 20
    assert draw(space, 7) == first
    assert draw(space, 8) != first


def test_no_profile_has_a_say_in_what_is_drawn(space: tuple[Base, ...]) -> None:
    first = draw(space, 7)
    before = settings.default
    settings.register_profile("tiny", max_examples=1, derandomize=True)
    settings.load_profile("tiny")
    try:
        assert draw(space, 7) == first
    finally:
        settings.register_profile("before", before)
        settings.load_profile("before")


def test_changes_keep_the_types_of_what_they_replace(space: tuple[Base, ...]) -> None:
    for change in draw(space, 1):
        call = call_of(change, space)
        assert all(type(item) is int for item in call["positional"][0])
        pair = call["keyword"].get("pair", (0, {}))
        assert (type(pair[0]), type(pair[1])) == (int, dict)


def test_an_argument_with_a_default_is_sometimes_left_out(space: tuple[Base, ...]) -> None:
    calls = [call_of(change, space) for change in draw(space, 3, examples=60)]
    assert any("name" not in call["keyword"] for call in calls)
    assert any(len(call["positional"]) == 1 and "limit" not in call["keyword"] for call in calls)
    assert all(len(call["positional"]) >= 1 for call in calls)


def test_what_people_read_is_what_workers_do(function: SourceFunction, space: tuple[Base, ...]) -> None:
    for change in draw(space, 5):
        arguments = Encoder().encode(CALLS[int(space[change.base].entry["call"])])
        shown = {name: decode(value) for name, value in changed_arguments(function, arguments, change)[1:]}
        call = call_of(change, space)
        done = dict(zip(call["names"], call["positional"], strict=False)) | call["keyword"]
        assert Encoder().encode(shown) == Encoder().encode({name: done[name] for name in shown})
        assert shown.keys() == done.keys()


def test_a_failure_shrinks_to_a_small_call(function: SourceFunction, space: tuple[Base, ...]) -> None:
    def fails(change: Change) -> bool:
        return len(call_of(change, space)["positional"][0]) >= 2

    def text(change: Change) -> str:
        arguments = Encoder().encode(CALLS[int(space[change.base].entry["call"])])
        return render_call("f", changed_arguments(function, arguments, change))

    shortest = min(map(text, shrink(space, 7, fails)), key=len)
    assert "items=[0, 0]" in shortest
    assert len(shortest) < min(len(render_call("f", Encoder().encode(call))) for call in CALLS[2:])


def test_nothing_fails_where_nothing_is_wrong(space: tuple[Base, ...]) -> None:
    assert shrink(space, 7, lambda change: False) == []


def test_an_empty_space_draws_nothing(function: SourceFunction) -> None:
    assert draw(space_of(function, []), 1) == []
    assert shrink(space_of(function, []), 1, lambda change: True) == []


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("int", int),
        ("list[int]", list[int]),
        ("typing.Dict[str, int]", dict[str, int]),
        ("Optional[str]", str | None),
        ("'int | None'", int | None),
        ("tuple[int, ...]", tuple[int, ...]),
        ("Any", None),
        ("list", None),
        ("Shelf", None),
        ("list[Shelf]", None),
        ("print('x')", None),
        ("not python", None),
    ],
)
def test_annotations_of_builtin_types_are_understood(annotation: str, expected: Any) -> None:
    assert type_of(annotation) == expected


def test_modules_that_happen_to_be_loaded_have_no_say(space: tuple[Base, ...], tmp_path: Path) -> None:
    first = [draw(space, seed) for seed in range(12)]
    (tmp_path / "loaded_by_chance.py").write_text("A = 987654\nB = 'some very particular text'\n")
    spec = importlib.util.spec_from_file_location("loaded_by_chance", tmp_path / "loaded_by_chance.py")
    assert spec is not None
    sys.modules["loaded_by_chance"] = importlib.util.module_from_spec(spec)
    try:
        assert [draw(space, seed) for seed in range(12)] == first
    finally:
        del sys.modules["loaded_by_chance"]


def test_a_draw_that_comes_to_nothing_says_no_more_than_a_short_one() -> None:
    # Twelve different items of which two exist: Hypothesis gives the draw up, and would write its whole strategy down.
    scarce = ["set", *(["t", "x"] for _ in range(12))]
    bases = (Base({"call": "x" * 100_000}, (Place([["p", 0]], scarce, (scarce,)),)),)

    draw(bases, 1)

    assert len(repr(bases)) < 100


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_was_forked_after_a_draw_can_draw(space: tuple[Base, ...]) -> None:
    expected = draw(space, 5)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        os.write(write, repr(draw(space, 5) == expected).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read() == "True"
    assert os.waitpid(child, 0)[1] == 0


def test_an_interrupt_ends_a_shrink_before_it_is_passed_on(space: tuple[Base, ...]) -> None:
    begun, tried = threading.Event(), []

    def fails(change: Change) -> bool:
        tried.append(change)
        begun.set()
        time.sleep(0.3)
        return True

    def interrupt() -> None:
        begun.wait(20)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            shrink(space, 7, fails)
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    count = len(tried)
    time.sleep(0.8)
    assert len(tried) == count <= 3
    assert draw(space, 5)
