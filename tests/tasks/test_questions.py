"""Questions: what they hold, what they must not hold, and which are asked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.oracles.certificate import Input
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.scan import Scan, scan
from pytest_cereval.source.syntax import source_text
from pytest_cereval.tasks.context import context, estimate_tokens, hidden_body
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings, code_generation_prompt
from pytest_cereval.tasks.select import selection_order, stratum_of

REPOSITORIES = Path(__file__).parents[1] / "repos"
ROOT = Path(__file__).parents[2]


def surroundings(tree: Path, found: Scan) -> Surroundings:
    return Surroundings("shop", tree, {(each.module, each.qualname): each for each in found.functions})


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny repository's files, without what does not parse."""
    folder = tmp_path_factory.mktemp("tree") / "shop"
    shutil.copytree(REPOSITORIES / "tiny", folder, ignore=shutil.ignore_patterns("__pycache__", "broken.py"))
    return folder


def named(found: Scan, name: str) -> SourceFunction:
    (function,) = [each for each in found.functions if each.qualname == name]
    return function


@pytest.mark.parametrize("name", ["discount", "words", "Cart.add", "Cart.size"])
def test_a_question_is_pinned_by_a_golden_file(tree: Path, golden: Callable[[str, str], None], name: str) -> None:
    found = scan(tree)
    example = Input(
        entry={"call": ""},
        arguments=["d", ["price", 100], ["percent", 10]],
        arguments_shown=True,
        observation={"kind": "returned", "value": 90, "after": ["d"], "whole": True},
        digest="0",
    )
    visible = [example] if name == "discount" else []

    prompt = code_generation_prompt(named(found, name), visible, surroundings(tree, found), PromptSettings(400))

    golden(f"prompt_{name}.txt", f"{prompt.system}\n\n=====\n\n{prompt.user}\n")


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("budget", [50, 400, 2000, 100_000])
@pytest.mark.parametrize("folder", [REPOSITORIES / "tiny", ROOT / "pytest_cereval"], ids=["tiny", "own code"])
def test_no_question_holds_the_body_that_it_asks_for(folder: Path, budget: int) -> None:
    found = scan(folder)
    around = surroundings(folder, found)
    for function in found.eligible:
        prompt = code_generation_prompt(function, [], around, PromptSettings(budget))
        body = lines_of(hidden_body(around.text(function.path), function))
        shown = lines_of(prompt.user)
        runs = [shown[start : start + len(body)] for start in range(len(shown) - len(body) + 1)]
        # A body of one line may stand elsewhere in the file by right; then it must not stand in its own place.
        if len(body) > 1:
            assert body not in runs, function.name
        assert function.source.strip() not in prompt.user, function.name


def test_the_context_keeps_to_its_budget_and_shows_the_nearest_first() -> None:
    found = scan(ROOT / "pytest_cereval")
    function = named(found, "Encoder._dict")
    source = source_text(ROOT / "pytest_cereval" / function.path)

    small, large = context(source, function, 500), context(source, function, 4000)

    assert estimate_tokens(small) < 900 < estimate_tokens(large)
    assert "def _later(" in small
    assert "# the body to write" in small
    assert "def digest(" in large


@given(st.integers(1, 60))
def test_every_prefix_of_the_selection_is_stratified(size: int) -> None:
    functions = scan(ROOT / "pytest_cereval").eligible
    order = selection_order(functions)

    assert sorted(each.name for each in order) == sorted(each.name for each in functions)
    share = size / len(functions)
    for stratum in {stratum_of(each) for each in functions}:
        members = sum(stratum_of(each) == stratum for each in functions)
        chosen = sum(stratum_of(each) == stratum for each in order[:size])
        assert abs(chosen - share * members) <= 1


def test_the_selection_does_not_depend_on_the_order_of_files() -> None:
    functions = scan(ROOT / "pytest_cereval").eligible

    assert selection_order(functions) == selection_order(functions[::-1])
