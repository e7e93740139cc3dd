"""Rates of items: what they estimate, from how much, and what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from pytest_cereval.results.verdict import Verdict
from pytest_cereval.statistics.rates import pass_at, pass_hat, pass_rate, rates_by
from pytest_cereval.statistics.samples import Scope, items_of
from tests.results.attempts import an_attempt
from tests.statistics.known import an_item, items_like


def test_a_rate_says_what_it_estimates_from_how_much() -> None:
    found = pass_rate("all", items_like(["1"] * 37 + ["0"] * 13))

    assert found.value == pytest.approx(0.74)
    assert (found.low, found.high) == pytest.approx((0.6044684, 0.8412847), abs=1e-7)
    assert (found.items, found.clusters, found.samples, found.samples_most) == (50, 50, 1, 1)
    assert found.method == "Wilson"
    assert found.estimand == "pass rate for more functions like these from the same repositories"
    assert json.loads(json.dumps(found.to_dict()))["scope"] == "functions"


def test_several_samples_of_a_task_are_one_score() -> None:
    found = pass_rate("all", [an_item("a", "1111111111"), an_item("b", "0")])

    assert found.value == 0.5
    assert (found.items, found.samples, found.samples_most) == (2, 1, 10)


def test_what_our_machinery_failed_is_missing_and_bounds_the_rate() -> None:
    items = [an_item("a", "1"), an_item("b", "0"), an_item("c", "", invalid=1), an_item("d", "1", invalid=1)]
    found = pass_rate("all", items)

    assert found.value == pytest.approx(2 / 3)
    assert (found.items, found.unscored, found.invalid) == (3, 1, 2)
    assert (found.worst, found.best) == pytest.approx(((1 + 0 + 0 + 0.5) / 4, (1 + 0 + 1 + 1) / 4))


def test_tasks_of_one_function_are_not_independent() -> None:
    items = [
        an_item(f"{name}{n}", mark, function=name) for name, mark in zip("abcd", "1010", strict=True) for n in "123"
    ]
    found = pass_rate("all", items)

    assert (found.items, found.clusters, found.method) == (12, 4, "clustered Wilson")
    assert found.low is not None
    assert found.low < pass_rate("all", items_like(["1", "0"] * 6)).low  # type: ignore[operator]
    assert found.design_effect == pytest.approx(11 / 3)  # clusters of three that agree, by hand


def test_files_and_repositories_are_wider_claims() -> None:
    items = [an_item(f"i{n}", str(int(n < 6)), file=f"f{n % 6}.py", repository=f"r{n % 3}") for n in range(12)]

    assert pass_rate("all", items, Scope.FILES).clusters == 6
    few = pass_rate("all", items, Scope.REPOSITORIES)
    assert (few.value, few.low, few.high) == (0.5, None, None)
    assert few.note == "3 repositories are too few to say anything of others (at least 5)"


def test_five_repositories_are_enough_for_an_interval() -> None:
    items = [an_item(f"i{n}", str(n % 2), repository=f"r{n % 5}") for n in range(20)]

    assert pass_rate("all", items, Scope.REPOSITORIES).low is not None


def test_a_file_alone_tells_nothing_of_other_files() -> None:
    found = pass_rate("all", items_like(["1", "0", "1"], file="a.py"), Scope.FILES)

    assert found.low is None
    assert (
        found.note
        == "all items lie in one cluster, so nothing is known of more files like these from the same repositories"
    )


def test_fixed_items_need_several_samples() -> None:
    once, often = (pass_rate("all", items_like(passes), Scope.BANK) for passes in (["1", "0"], ["1100", "1111"]))

    assert once.low is None
    assert once.note == "one sample of an item does not show the noise of generation"
    # By hand: half of four samples pass on one item: error sqrt(.25 / 3) / 2.
    assert often.low == pytest.approx(0.75 - 1.959964 * (0.25 / 3) ** 0.5 / 2, abs=1e-6)


def test_nothing_scored_is_no_rate() -> None:
    found = pass_rate("all", [an_item("a", "", invalid=1)])

    assert (found.value, found.low, found.items, found.note) == (None, None, 0, "nothing is scored")
    assert (found.worst, found.best) == (0.0, 1.0)


def test_pass_at_k_is_the_mean_over_items() -> None:
    items = [an_item("a", "1100000000"), an_item("b", "0000000000"), an_item("c", "11")]
    found = pass_at("all", items, 5)

    assert found.value == pytest.approx((7 / 9 + 0) / 2)
    assert (found.metric, found.items, found.unscored) == ("pass@5", 2, 1)
    assert (found.worst, found.best) == pytest.approx((7 / 27, (7 / 9 + 1) / 3))


def test_pass_hat_k_is_the_chance_that_all_pass() -> None:
    assert pass_hat("all", [an_item("a", "1111111100"), an_item("b", "1111111111")], 2).value == pytest.approx(
        (28 / 45 + 1) / 2
    )


@pytest.mark.parametrize("k", [3, 0])
def test_a_k_that_no_item_has_samples_for_is_an_error(k: int) -> None:
    with pytest.raises(ValueError, match=f"k={k} needs at least {k} samples of a task, and there are 2"):
        pass_at("all", items_like(["11", "10"]), k)


def test_groups_are_in_order_of_name_and_items_without_a_name_in_none() -> None:
    items = [*items_like(["1", "0"], "b", category="b"), *items_like(["1"], "a", category="a"), an_item("x")]

    assert [(each.name, each.items) for each in rates_by(items, "category")] == [("a", 1), ("b", 2)]


def test_items_come_from_attempts_in_order_of_tasks() -> None:
    tasks: list[dict[str, Any]] = [
        {
            "id": "t2",
            "name": "m.g",
            "category": "c",
            "band": "hard",
            "function": "m.g",
            "path": "m.py",
            "control": True,
        },
        {"id": "t1", "name": "m.f", "category": "c"},
        {"id": "t0", "name": "m.never"},
    ]
    attempts = [
        an_attempt(task_id="t1", sample=0, verdict=Verdict.PASS),
        an_attempt(task_id="t2", sample=0, verdict=Verdict.FAIL_WRONG),
        an_attempt(task_id="t1", sample=1, verdict=Verdict.INVALID),
        an_attempt(task_id="t1", sample=2, verdict=Verdict.NO_ANSWER),
    ]
    second, first, never = items_of(attempts, tasks, "repo")

    assert (second.id, second.passes, second.band, second.file, second.control) == (
        "t2",
        (False,),
        "hard",
        "m.py",
        True,
    )
    assert (first.passes, first.invalid, first.score, first.repository) == ((True, False), 1, 0.5, "repo")
    assert (never.passes, never.invalid, never.score) == ((), 0, None)


def test_the_plugin_starts_without_scipy() -> None:
    code = "import sys, pytest_cereval.plugin, pytest_cereval.statistics.render; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
