"""A bundle's record of a run gives the settings back with which its tasks were built, all of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.bundle.recorded import asks_dates, recorded_set, recorded_settings
from pytest_cereval.errors import SourceError
from pytest_cereval.results.store import Store
from pytest_cereval.source.recording import RecordingBounds
from pytest_cereval.tasks.prompt import PromptSettings
from pytest_cereval.tasks.task import Category
from tests.bundle.conftest import RUN

OTHER_SETTINGS = BuildSettings(
    limit=7,
    categories=(Category.CODE_UNDERSTANDING,),
    hint="symptom",
    faults=3,
    constrained=True,
    prompt=PromptSettings(77),
    bounds=RecordingBounds(**{each.name: 5 for each in dataclasses.fields(RecordingBounds)}),
)


@pytest.fixture
def contents(store_file: Path) -> Contents:
    """The second run of the store."""
    with Store.open(store_file) as store:
        return Contents.of_run(store, RUN)


def with_suite(contents: Contents, **suite: Any) -> Contents:
    provenance = contents.run.provenance | {"suite": suite}
    return dataclasses.replace(contents, run=dataclasses.replace(contents.run, provenance=provenance))


def test_every_setting_that_shapes_tasks_is_read_back(contents: Contents) -> None:
    plain = BuildSettings()
    differing = [name for name, value in OTHER_SETTINGS.to_dict().items() if value == plain.to_dict()[name]]

    assert differing == [], "this test must try another value of each"
    for settings in (plain, OTHER_SETTINGS):
        assert recorded_settings(with_suite(contents, **settings.to_dict())).to_dict() == settings.to_dict()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"categories": ["no_such"]}, "does not say what shaped its tasks: ValueError"),
        ({"limit": "many"}, "does not say what shaped its tasks: ValueError"),
        ({"bounds": {"no_such": 1}}, "does not say what shaped its tasks: TypeError"),
        ({"extensions": [{"kind": "category", "name": "mine"}]}, "a conftest.py added .*'mine'"),
    ],
)
def test_what_cannot_be_built_again_is_refused_by_name(contents: Contents, change: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        recorded_settings(with_suite(contents, **(BuildSettings().to_dict() | change)))


@pytest.mark.parametrize(("cutoff", "expected"), [("None", False), ("", False), (None, False), ("2024-06", True)])
def test_dates_are_looked_at_where_the_run_kept_them(contents: Contents, cutoff: str | None, expected: bool) -> None:
    provenance = contents.run.provenance | {"options": {"cutoff": cutoff}}
    asked = dataclasses.replace(contents, run=dataclasses.replace(contents.run, provenance=provenance))

    assert asks_dates(asked) is expected


def test_a_public_set_is_known_by_what_the_run_says_of_it(contents: Contents) -> None:
    assert recorded_set(with_suite(contents, static={"name": "own"})) == {"name": "own"}
    assert recorded_set(contents) == {}
