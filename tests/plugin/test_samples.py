"""Several answers to one question: one item, an attempt for each, and a prompt that is read once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.tasks.suite import Suite
from tests.plugin.records import attempts, sampled
from tests.plugin.test_evaluation import WRONG
from tests.plugin.test_faults import refused
from tests.plugin.test_reproducible import SMALL

Arguments = Callable[..., list[str]]
NAME = "shop.prices.words"
THREE = ("--cereval-samples=3", "--cereval-temperature=0.8")


def test_an_item_fails_unless_all_its_samples_pass_and_all_are_kept(
    pytester: pytest.Pytester, arguments: Arguments, suite: Suite, right_answers: dict[str, str], tmp_path: Path
) -> None:
    right = {name: [text] * 3 for name, text in right_answers.items()}
    model = sampled(tmp_path / "a.jsonl", suite, right | {NAME: [right_answers[NAME], WRONG, right_answers[NAME]]})

    result = pytester.runpytest_subprocess(
        *arguments(model, *THREE, "--cereval-seed=3", "--html=report.html"), "-n", "2"
    )

    result.assert_outcomes(passed=len(suite.tasks) - 1, failed=1)
    total = 3 * len(suite.tasks)
    result.stdout.fnmatch_lines(
        [
            "*2 of 3 samples pass; not: sample 1 FAIL_WRONG*",
            "*words(text='a A')*",
            f"pass {total - 1} of {total} attempts at {len(suite.tasks)} tasks*",
        ]
    )
    made = [each for each in attempts(pytester.path) if each.task_name == NAME]
    # Seeds 3, 4 and 5 count through the recording's three answers from its first one on.
    assert [(each.sample, each.seed, each.temperature, each.verdict.value) for each in made] == [
        (0, 3, 0.8, "PASS"),
        (1, 4, 0.8, "FAIL_WRONG"),
        (2, 5, 0.8, "PASS"),
    ]
    assert len(attempts(pytester.path)) == total
    pages = list((pytester.path / "report_cases").glob(f"{NAME}.*.html"))
    assert len(pages) == 3


def test_one_sample_without_a_verdict_makes_the_item_an_error(
    pytester: pytest.Pytester, arguments: Arguments, suite: Suite, right_answers: dict[str, str], tmp_path: Path
) -> None:
    pytester.makeconftest(
        """
        from pytest_cereval.errors import ModelCrashed
        from pytest_cereval.models.replay import ReplayModel

        complete = ReplayModel.complete

        def crash(self, prompt, sampling, progress=None):
            if sampling.seed == 1:
                raise ModelCrashed("the model's process died", next_step="none")
            return complete(self, prompt, sampling, progress)

        ReplayModel.complete = crash
        """
    )
    model = sampled(tmp_path / "a.jsonl", suite, {NAME: [right_answers[NAME], WRONG, WRONG]})

    result = pytester.runpytest_subprocess(*arguments(model, *THREE), "-k", NAME)

    result.assert_outcomes(errors=1)
    assert [each.verdict.value for each in attempts(pytester.path)] == ["PASS", "INVALID", "FAIL_WRONG"]


def test_the_same_answer_is_not_drawn_twice(pytester: pytest.Pytester, arguments: Arguments) -> None:
    refused(
        pytester.runpytest_subprocess("--co", *arguments("x.gguf", "--cereval-samples=2")),
        "--cereval-samples=2 at temperature 0 would draw the same answer 2 times",
        "give --cereval-temperature=T above 0",
    )


def test_a_prompt_is_read_once_for_all_its_samples_with_any_number_of_workers(
    pytester: pytest.Pytester, arguments: Arguments, tiny_gguf: Path, suite: Suite
) -> None:
    found = []
    for workers in ("0", "2"):
        pytester.runpytest_subprocess(*arguments(str(tiny_gguf), *SMALL, *THREE), "-n", workers)
        made = attempts(pytester.path)
        said = [each.completion or {} for each in made]
        assert all(each["cached_tokens"] < each["prompt_tokens"] for each in said[::3])
        assert all(each["cached_tokens"] == each["prompt_tokens"] for each in [*said[1::3], *said[2::3]])
        assert sum(each["cached_tokens"] == 0 for each in said) == 1, "the shared start is decoded once"
        found.append([(each.task_id, each.seed, text["tokens_sha256"]) for each, text in zip(made, said, strict=True)])

    assert found[0] == found[1]
    assert len(set(found[0])) == 3 * len(suite.tasks)

    pytester.runpytest_subprocess(*arguments(str(tiny_gguf), *SMALL, "--cereval-temperature=0.8"))
    alone = [(each.task_id, each.seed, (each.completion or {})["tokens_sha256"]) for each in attempts(pytester.path)]
    assert alone == found[0][::3]
