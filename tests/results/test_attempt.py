"""An attempt survives being written as JSON, and what is no attempt is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from pytest_cereval.errors import StoreError
from pytest_cereval.results.attempt import FORMAT_VERSION, Attempt
from tests.results.attempts import an_attempt, any_attempt


@given(any_attempt())
def test_any_attempt_comes_back_from_json_as_it_was(attempt: Attempt) -> None:
    written = json.dumps(attempt.to_dict(), allow_nan=False)

    assert Attempt.from_dict(json.loads(written)) == attempt


def test_the_format_version_stands_in_every_record() -> None:
    assert an_attempt().to_dict()["format"] == FORMAT_VERSION


def test_the_verdict_is_written_as_a_plain_string() -> None:
    assert type(an_attempt().to_dict()["verdict"]) is str


def test_an_attempt_of_another_format_is_refused() -> None:
    data = {**an_attempt().to_dict(), "format": 2}

    with pytest.raises(StoreError, match=r"has format 2; this version reads format 1") as caught:
        Attempt.from_dict(data)

    assert "version of pytest-cereval that wrote it" in caught.value.next_step


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("sample", True, "True"),
        ("judge_s", "fast", "'fast'"),
        ("evidence", None, "None"),
        ("candidate", 3, "3"),
        ("completion", "text", "'text'"),
    ],
)
def test_a_field_of_another_type_is_named(field: str, value: Any, found: str) -> None:
    data = {**an_attempt().to_dict(), field: value}

    with pytest.raises(StoreError, match=f"field '{field}' holds {found}"):
        Attempt.from_dict(data)


def test_a_missing_field_is_named() -> None:
    data = an_attempt().to_dict()
    del data["candidate"]

    with pytest.raises(StoreError, match="field 'candidate' holds nothing"):
        Attempt.from_dict(data)


def test_a_record_from_before_classes_is_given_one() -> None:
    data = an_attempt().to_dict()
    del data["failure"]

    assert Attempt.from_dict(data).failure == "wrong result"


def test_a_record_from_before_bands_has_none() -> None:
    data = an_attempt(band="hard", scores={"located": True}).to_dict()
    for name in ("band", "control", "claimed", "scores"):
        del data[name]

    known = Attempt.from_dict(data)
    assert (known.band, known.control, known.claimed, known.scores) == ("", False, False, {})


def test_a_later_field_of_another_type_is_named() -> None:
    with pytest.raises(StoreError, match="field 'control' holds 'yes'"):
        Attempt.from_dict(an_attempt().to_dict() | {"control": "yes"})


def test_an_unknown_class_of_failure_is_refused() -> None:
    with pytest.raises(StoreError, match="failure 'bad luck' is none of no code, does not parse"):
        Attempt.from_dict({**an_attempt().to_dict(), "failure": "bad luck"})


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(StoreError, match="verdict 'MAYBE' is none of PASS, FAIL_WRONG"):
        Attempt.from_dict({**an_attempt().to_dict(), "verdict": "MAYBE"})
