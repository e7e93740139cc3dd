"""`-n auto` starts no more workers than there is memory for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.capacity import OWN_MB, affordable, auto_workers
from pytest_cereval.models.hardware import usable_cores
from pytest_cereval.sandbox.sandbox import Limits

EACH = (OWN_MB + Limits().memory_mb) << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("cores", "room", "model", "expected"),
    [
        (8, 64 * GIB, 0, 8),
        (8, 3 * EACH, 0, 3),
        (8, 3 * EACH + 20 * GIB, 20 * GIB, 3),
        (8, 3 * EACH - 1, 0, 2),
        (8, 20 * GIB, 30 * GIB, 1),
        (8, 0, 0, 1),
        (8, None, 30 * GIB, 8),
    ],
)
def test_workers_are_as_many_as_cores_and_memory_allow(cores: int, room: int | None, model: int, expected: int) -> None:
    assert affordable(cores, room, model) == expected


def test_a_model_that_fills_the_memory_leaves_one_worker(tmp_path: Path) -> None:
    with (tmp_path / "huge.gguf").open("wb") as file:
        file.truncate(1 << 42)

    assert auto_workers("huge.gguf", tmp_path, logical=False) == 1
    assert auto_workers("none.gguf", tmp_path, logical=False) <= usable_cores()
    assert auto_workers("", tmp_path, logical=True) <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("environment", "expected"), [(None, 1), ("3", 3)])
def test_auto_asks_and_the_user_has_the_last_word(
    pytester: pytest.Pytester,
    arguments: Callable[..., list[str]],
    replay: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    environment: str | None,
    expected: int,
) -> None:
    pytester.makeconftest(
        """
        from pytest_cereval import capacity
        capacity._room = lambda: 0
        def pytest_xdist_setupnodes(config, specs):
            print("WORKERS", len(specs))
        """
    )
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    if environment is not None:
        monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", environment)

    result = pytester.runpytest_subprocess("-n", "auto", "-k", "discount", *arguments(replay()))

    result.assert_outcomes(passed=1)
    assert f"WORKERS {expected}" in result.stdout.str()
