"""Turns what a bundle records of a run into the commit and the settings with which its tasks are built again."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.bundle.canonical import part
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.errors import SourceError
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.source.recording import RecordingBounds
from pytest_cereval.source.repository import Revision
from pytest_cereval.tasks.prompt import PromptSettings
from pytest_cereval.tasks.task import Category

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NOT_GIVEN = (None, "", "None")


def recorded_revision(contents: Contents) -> Revision:
    """The commit that a bundle names; raises `SourceError` where it names none."""
    known = part(contents.run.provenance, "repository")
    fields = {each.name for each in dataclasses.fields(Revision)}
    commit = known.get("commit")
    if not fields <= set(known) or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise SourceError(f"the bundle names no commit: {str(commit)[:80]!r}")
    return Revision(**{name: known[name] for name in fields})


def recorded_settings(contents: Contents) -> BuildSettings:
    """What shaped the tasks; raises `SourceError` where a bundle does not say, or says what cannot be."""
    known = part(contents.run.provenance, "suite")
    if known.get("extensions"):
        raise SourceError(
            f"a conftest.py added {_added(known['extensions'])} to this run, and no command runs one",
            next_step="build them with pytest in the folder of that conftest.py",
        )
    try:
        return BuildSettings(
            limit=int(known["limit"]),
            categories=tuple(name if name == NATURAL else Category(name) for name in known["categories"]),
            hint=str(known["hint"]),
            faults=int(known["faults"]),
            constrained=known.get("constrained", False) is True,
            prompt=PromptSettings(int(known["context_tokens"])),
            bounds=RecordingBounds(**{name: int(value) for name, value in known["bounds"].items()}),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise SourceError(
            f"the bundle does not say what shaped its tasks: {type(error).__name__}: {str(error)[:200]}",
            next_step="verify it with the version of pytest-cereval that wrote it",
        ) from error


def _added(told: Any) -> str:
    """What a `conftest.py` added, for people; nobody vouches for what is told."""
    named = [
        f"{str(each.get('kind'))[:20]} {str(each.get('name'))[:60]!r} (version {str(each.get('version'))[:40]!r})"
        for each in (told if isinstance(told, list) else [])[:10]
        if isinstance(each, dict)
    ]
    return ", ".join(named) or "something"


def recorded_set(contents: Contents) -> dict[str, Any]:
    """What the run records of a public set that it asked as well (`StaticTasks.describe`); empty if it did not."""
    return part(contents.run.provenance, "suite", "static")


def asks_dates(contents: Contents) -> bool:
    """Whether the run kept how old each function is."""
    return part(contents.run.provenance, "options").get("cutoff") not in _NOT_GIVEN
