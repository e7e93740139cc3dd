"""Samples that are decoded in one batch: the same run gives the same answers, and is taken for no other kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.store import Store
from pytest_cereval.statistics.conditions import NotComparable, conditions_of, require_identical
from pytest_cereval.tasks.suite import Suite
from tests.plugin.records import STORE, attempts, latest
from tests.plugin.test_faults import refused
from tests.plugin.test_reproducible import SMALL

Arguments = Callable[..., list[str]]
DRAWN = ("--cereval-samples=3", "--cereval-temperature=0.8", "--cereval-seed=5")
BATCH = (*SMALL, *DRAWN, "--cereval-batch")


def told(made: list[Attempt]) -> list[tuple[str, int, int | None, float | None, str]]:
    return [
        (each.task_id, each.sample, each.seed, each.temperature, (each.completion or {})["tokens_sha256"])
        for each in made
    ]


def test_batches_are_the_same_with_any_number_of_workers_and_say_what_they_are(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path, suite: Suite
) -> None:
    options = arguments(str(tiny_gguf), *BATCH)
    result = pytester.runpytest_subprocess(*options)
    expected = told(attempts(pytester.path))
    assert len(expected) == 3 * len(suite.tasks)
    assert [(sample, seed, drawn) for _, sample, seed, drawn, _ in expected[:3]] == [
        (0, 5, 0.8),
        (1, 6, 0.8),
        (2, 7, 0.8),
    ]
    said = [each.completion or {} for each in attempts(pytester.path)]
    assert all(each["cached_tokens"] == each["prompt_tokens"] for each in [*said[1::3], *said[2::3]])
    assert latest(pytester.path).provenance["decoding"] == {"mode": "batched", "together": 3}
    result.stdout.fnmatch_lines(["*batched: 3 answers to a question decoded together*"])

    pytester.runpytest_subprocess(*options, "-n", "2")
    assert told(attempts(pytester.path)) == expected


def test_a_batch_of_which_an_answer_is_missing_is_drawn_again_as_a_whole(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path
) -> None:
    options = [*arguments(str(tiny_gguf), *BATCH), "-k", "words"]
    pytester.runpytest_subprocess(*options)
    expected = told(attempts(pytester.path))
    assert len(expected) == 3

    # As a kill between two samples of a batch leaves the record.
    with closing(sqlite3.connect(pytester.path / STORE)) as store, store:
        assert store.execute("DELETE FROM completions WHERE sample = 1").rowcount == 1
    pytester.runpytest_subprocess(*options, "--cereval-resume")

    again = attempts(pytester.path)
    assert told(again) == expected
    assert [each.reused for each in again] == [True, False, True]


def test_answers_of_a_batch_are_generated_apart_and_scored_as_such(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path, suite: Suite
) -> None:
    pytester.runpytest_subprocess(*arguments(str(tiny_gguf), *BATCH, "--cereval-generate-only"), "-n", "2")
    asked = latest(pytester.path)
    scoring = [each for each in arguments("", *SMALL, "--cereval-score=latest") if "--cereval-model" not in each]
    pytester.runpytest_subprocess(*scoring)

    scored = latest(pytester.path)
    assert scored.provenance["decoding"] == asked.provenance["decoding"] == {"mode": "batched", "together": 3}
    made = told(attempts(pytester.path))
    assert len(made) == 3 * len(suite.tasks)
    assert {seed for _, _, seed, _, _ in made} == {5, 6, 7}


def test_a_batched_run_is_neither_resumed_from_nor_compared_with_one_that_is_not(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path
) -> None:
    pytester.runpytest_subprocess(*arguments(str(tiny_gguf), *SMALL, *DRAWN), "-k", "words")
    pytester.runpytest_subprocess(*arguments(str(tiny_gguf), *BATCH, "--cereval-resume"), "-k", "words")

    assert not any(each.reused for each in attempts(pytester.path))
    with Store.open(pytester.path / STORE, must_exist=True) as store:
        runs = [store.run(each.run_id) for each in store.runs()]
    one, other = (conditions_of(run, ["same"]) for run in runs)
    with pytest.raises(NotComparable, match=r"decoding is '.*' in the first and '.*' in the second") as caught:
        require_identical([one, other])
    assert {one.shared["decoding"], other.shared["decoding"]} == {"one by one", "batched by 3"}
    assert caught.value.field == "decoding"


def test_a_batch_of_one_is_refused(pytester: pytest.Pytester, arguments: Arguments) -> None:
    refused(
        pytester.runpytest_subprocess("--co", *arguments("x.gguf", "--cereval-batch")),
        "--cereval-batch decodes several answers to a task together, --cereval-samples=1 are not several",
        "give --cereval-samples=K between 2 and 253, or leave out --cereval-batch",
    )
    refused(
        pytester.runpytest_subprocess(
            "--co", *arguments("x.gguf", *DRAWN[1:], "--cereval-samples=300", "--cereval-batch")
        ),
        "--cereval-batch decodes at most 253 answers to a task together, not 300",
    )
