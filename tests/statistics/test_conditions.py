"""Runs are compared under the same conditions or not at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.statistics.conditions import Conditions, NotComparable, conditions_of, remarks, require_identical

PROVENANCE: dict[str, Any] = {
    "repository": {"name": "shop", "commit": "c1", "tree_hash": "t1", "dirty": False, "date": "2026-01-01"},
    "rules_version": 7,
    "suite": {"functions": 30, "tasks": 2, "limit": 2, "bounds": {"attempts": 8000}},
    "options": {"temperature": "0.0", "seed": "0", "model": "a.gguf", "store": "x.sqlite", "max-tokens": "512"},
    "sandbox": {"level": "ns", "kernel": "6.1"},
    "interpreter": {"version": "3.11.7", "executable": "/usr/bin/python"},
    "versions": {"pytest-cereval": "1.0", "llama-cpp-python": "0.3", "mypy": "1.11"},
    "machine": {"cpu": "one", "gpus": []},
}


def conditions(run_id: str, ids: str = "ab", **changes: Any) -> Conditions:
    """Of a run; `changes` are dotted paths with `__` for the dot."""
    provenance = copy.deepcopy(PROVENANCE)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = provenance
        for parent in parents:
            place = place[parent]
        place[last.replace("_", "-") if parents == ["options"] else last] = value
    return conditions_of(Run(run_id, "2026", "2026", RunStatus.finished, provenance), ids)


def test_another_model_store_or_machine_is_no_other_condition() -> None:
    second = conditions("two", options__model="b.gguf", options__store="y", machine__cpu="two", versions__mypy=None)

    assert require_identical([conditions("one"), second]) == ()
    assert remarks([conditions("one"), second]) == (
        "machine.cpu differs: 'one', 'two'",
        "versions.mypy differs: '1.11', 'unknown'",
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"options__temperature": "0.8"}, "options.temperature"),
        ({"options__max_tokens": "64"}, "options.max-tokens"),
        ({"options__something_new": "1"}, "options.something-new"),
        ({"rules_version": 8}, "rules_version"),
        ({"suite__bounds": {"attempts": 1}}, "suite.bounds"),
        ({"sandbox__level": "unsafe"}, "sandbox.level"),
        ({"interpreter__version": "3.12.0"}, "interpreter.version"),
        ({"versions__pytest-cereval": "1.1"}, "versions.pytest-cereval"),
        ({"decoding": {"mode": "batched", "together": 3}}, "decoding"),
        ({"repository__commit": "c2"}, "repository.commit"),
        ({"repository__dirty": True}, "repository.dirty"),
        ({"ids": "ac"}, "tasks"),
    ],
)
def test_any_other_difference_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    runs = [conditions("one"), conditions("two", **changes)]

    with pytest.raises(NotComparable, match=f"not made under the same conditions: {field} is") as caught:
        require_identical(runs)
    assert caught.value.field == field
    assert "'one'" in str(caught.value)
    assert "'two'" in str(caught.value)
    assert require_identical(runs, [field]) == (field,)


def test_a_batch_is_compared_with_batches_of_its_size_only() -> None:
    alone, three, four = (
        conditions(name, decoding={"mode": mode, "together": count}, options__batch=str(count > 1))
        for name, mode, count in (("a", "one by one", 1), ("b", "batched", 3), ("c", "batched", 4))
    )
    assert require_identical([conditions("older"), alone]) == ()
    assert require_identical([three, three]) == ()
    with pytest.raises(NotComparable, match="decoding is 'batched by 3' in the first and 'batched by 4' in the second"):
        require_identical([three, four])


def test_repositories_differ_in_what_is_theirs_only() -> None:
    other = {"repository__name": "other", "repository__commit": "c9", "repository__tree_hash": "t9", "suite__tasks": 3}

    assert require_identical([conditions("one"), conditions("two", "xyz", **other)]) == ()
    with pytest.raises(NotComparable, match=r"options\.seed"):
        require_identical([conditions("one"), conditions("two", "xyz", options__seed="1", **other)])


def test_a_third_run_is_held_against_both() -> None:
    other = {"repository__name": "other", "repository__commit": "c9"}
    runs = [conditions("one"), conditions("two", **other), conditions("three", "zz")]

    with pytest.raises(NotComparable, match="runs 'one' and 'three'"):
        require_identical(runs)


def test_a_record_that_lacks_something_is_not_the_same_as_one_that_has_it() -> None:
    bare = conditions_of(Run("old", "2020", None, RunStatus.running, {"repository": "shop"}), ["a"])

    with pytest.raises(NotComparable, match="rules_version is '7' in the first and 'unknown' in the second"):
        require_identical([conditions("one"), bare])


def test_how_answers_were_drawn_counts_and_not_what_the_judging_run_was_given() -> None:
    drawn = [{"temperature": 0.8, "seed": n, "max_tokens": 512, "timeout_s": 900.0} for n in range(2)]
    asked = Run(
        "a", "", None, RunStatus.finished, {"options": {"temperature": "0.8", "samples": "2"}, "sampling": drawn}
    )
    judged = Run(
        "b", "", None, RunStatus.finished, {"options": {"temperature": "0.0", "samples": "1"}, "sampling": drawn}
    )
    cold = [{**each, "temperature": 0.0} for each in drawn]
    other = Run("c", "", None, RunStatus.finished, {**judged.provenance, "sampling": cold})

    assert require_identical([conditions_of(each, ["t"]) for each in (asked, judged)]) == ()
    with pytest.raises(NotComparable, match=r"sampling.temperature is '\[0.8, 0.8\]' in the first"):
        require_identical([conditions_of(each, ["t"]) for each in (judged, other)])


def test_how_a_model_was_loaded_counts_and_threads_do_not() -> None:
    def loaded(**settings: Any) -> Conditions:
        model = {"load_settings": {"n_ctx": 4096, "type_k": "q8_0", "n_threads": 2, **settings}}
        options = {"ctx": "16384", "limit": "0"}
        return conditions_of(Run("r", "", None, RunStatus.finished, {"model": model, "options": options}), ["t"])

    assert require_identical([loaded(), loaded(n_threads=8)]) == ()
    assert "options.ctx" not in loaded().shared
    with pytest.raises(NotComparable, match=r"loading\.type_k is 'q8_0' in the first and 'f16' in the second"):
        require_identical([loaded(), loaded(type_k="f16")])


def test_the_order_of_tasks_is_no_condition() -> None:
    assert require_identical([conditions("one", "ab"), conditions("two", "ba")]) == ()


@pytest.mark.parametrize("option", ["out", "sign", "evaluator", "score", "generate_only", "shard"])
def test_how_a_run_was_split_and_where_it_was_kept_is_no_condition(option: str) -> None:
    assert require_identical([conditions("one"), conditions("two", **{f"options__{option}": "something"})]) == ()
