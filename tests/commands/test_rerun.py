"""What a run was asked is read back from its record, so that nobody need type it again."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.errors import StoreError
from pytest_cereval.options import OPTIONS
from pytest_cereval.rerun import question_options
from pytest_cereval.tasks.prompt import PromptSettings
from pytest_cereval.tasks.task import Category

KNOWN = {option.name for option in OPTIONS}
SETTINGS = BuildSettings(
    limit=7,
    categories=(Category.CODE_GENERATION, Category.SECURITY_AUDIT),
    hint="symptom",
    faults=3,
    constrained=True,
    prompt=PromptSettings(77),
)


def record(**changes: Any) -> dict[str, Any]:
    suite = {"functions": 9, "tasks": 5, **SETTINGS.to_dict()}
    return {"suite": suite, "options": {"static": "None", "cutoff": "None"}, "shard": {}, **changes}


def test_every_setting_of_a_suite_is_an_option_again() -> None:
    assert question_options(record(), KNOWN) == {
        "limit": "7",
        "categories": "code_generation,security_audit",
        "hint": "symptom",
        "faults": "3",
        "constrained": "",
        "context-tokens": "77",
    }


def test_each_value_is_one_that_its_option_reads_back() -> None:
    read = {option.name: option.read for option in OPTIONS}
    found = question_options(record(), KNOWN)

    assert read["limit"](found["limit"]) == SETTINGS.limit
    assert read["categories"](found["categories"]) == tuple(map(str, SETTINGS.categories))
    assert read["context-tokens"](found["context-tokens"]) == SETTINGS.prompt.context_tokens


def test_a_flag_that_was_not_set_is_left_out() -> None:
    plain = {"functions": 9, "tasks": 5, **BuildSettings().to_dict()}

    assert "constrained" not in question_options(record(suite=plain), KNOWN)


def test_a_public_set_a_date_and_a_shard_are_kept_as_they_were_given() -> None:
    suite = record()["suite"] | {"static": {"name": "own", "sha256": "ab"}}
    options = {"static": "own.jsonl", "cutoff": "2024-06"}
    found = question_options(record(suite=suite, options=options, shard={"number": 2, "count": 3}), KNOWN)

    assert (found["static"], found["cutoff"], found["shard"]) == ("own.jsonl", "2024-06", "2/3")


@pytest.mark.parametrize(
    ("python", "taken"), [(sys.executable, True), ("/nowhere/python", False), ("bin/python", False), ("", False)]
)
def test_the_interpreter_is_taken_where_it_is_there(python: str, taken: bool) -> None:
    found = question_options(record(options={"python": python}), KNOWN)

    assert ("python" in found) is taken


@pytest.mark.parametrize("change", [{"suite": {}}, {"suite": None}, {"options": None}])
def test_a_record_that_does_not_say_what_was_asked_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="does not say what shaped its questions"):
        question_options(record(**change), KNOWN)
