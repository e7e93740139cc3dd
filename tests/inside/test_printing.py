"""What a call prints is taken down and still printed."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pytest_cereval.inside.calls import observe
from pytest_cereval.inside.printing import MAX_PRINTED, printed

CALL: dict[str, Any] = {"names": [], "positional": [], "star": (), "keyword": {}, "double_star": {}}


def test_what_is_printed_is_kept_and_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    def speak() -> int:
        print("a", 1)
        return 2

    observation = observe(speak, CALL)
    assert (observation["value"], observation["printed"]) == (2, "a 1\n")
    assert capsys.readouterr().out == "a 1\n"


def test_only_the_beginning_of_a_flood_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with printed() as tape:
        for _ in range(100):
            print("x" * 100)
    assert len(tape.text) == MAX_PRINTED
    assert len(capsys.readouterr().out) == 100 * 101


def test_the_stream_is_put_back_after_an_exception() -> None:
    before = sys.stdout

    def fail() -> None:
        raise SystemExit(3)

    assert observe(fail, CALL)["kind"] == "raised"
    assert sys.stdout is before


def test_addresses_in_what_is_printed_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert observe(lambda: print(object()), CALL)["printed"] == "<object object at 0x>\n"
