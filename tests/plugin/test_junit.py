"""JUnit XML says of each item what was asked and what became of it, with and without workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_cereval.tasks.suite import Suite
from tests.plugin.test_evaluation import WRONG


@pytest.mark.parametrize("workers", ["0", "2"])
def test_each_case_has_its_properties(
    pytester: pytest.Pytester,
    arguments: Callable[..., list[str]],
    replay: Callable[..., str],
    suite: Suite,
    workers: str,
) -> None:
    model = replay({"shop.prices.words": WRONG})
    pytester.runpytest_subprocess(*arguments(model, "--junitxml=out.xml"), "-n", workers)

    found = _properties(pytester.path / "out.xml")

    assert {name: facts["cereval_task"] for name, facts in found.items()} == {
        task.name: task.id for task in suite.tasks
    }
    for task in suite.tasks:
        facts = found[task.name]
        assert facts["cereval_category"] == "code_generation"
        assert facts["cereval_band"] == task.band.value
        assert (facts["cereval_prompt_tokens"], facts["cereval_completion_tokens"]) == ("500", "40")
    wrong = found["shop.prices.words"]
    assert (wrong["cereval_verdict"], wrong["cereval_failure"]) == ("FAIL_WRONG", "wrong result")
    assert {facts["cereval_verdict"] for name, facts in found.items() if name != "shop.prices.words"} == {"PASS"}


def _properties(file: Path) -> dict[str, dict[str, str]]:
    root = ElementTree.parse(file).getroot()  # noqa: S314 - written by the test itself
    return {
        str(case.get("name")): {str(each.get("name")): str(each.get("value")) for each in case.iter("property")}
        for case in root.iter("testcase")
    }
