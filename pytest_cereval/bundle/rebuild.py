"""Turns the repository that a bundle names into its task set again, and says where the two differ.

What decides a task besides the commit (interpreter, installed packages, this package's own code) may have changed.
Then a difference shows nothing about the bundle, and the check is one that could not be made.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.bundle.canonical import canonical, differences, part, sha256
from pytest_cereval.bundle.check import Check, checked, unchecked
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.errors import CerevalError, SourceError
from pytest_cereval.results.provenance import code_sha256, versions
from pytest_cereval.sandbox.interpreter import Interpreter, inspect_interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.session import part_of
from pytest_cereval.source.functions import extract_functions
from pytest_cereval.source.recording import RecordingBounds
from pytest_cereval.source.repository import Checkout, Revision, resolve
from pytest_cereval.tasks.prompt import PromptSettings
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Category

NAME = "task set"
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DECISIVE = ("hypothesis", "pytest", "cloudpickle")


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are built and judged again; `sandbox` is called only if something must be run."""

    python: Path
    sandbox: Callable[[], Sandbox]
    cache: Path
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None


def rebuild(contents: Contents, repository: Path, place: Place) -> tuple[Check, Built | None]:
    """Build the tasks of the recorded commit from the repository at this path, and compare them one by one."""
    try:
        revision = recorded_revision(contents)
        settings = recorded_settings(contents)
        named = resolve(f"{repository}@{revision.commit}")
        if named.name != revision.name:
            raise SourceError(
                f"the folder is called {named.name!r}; questions name the repository {revision.name!r}",
                next_step=f"give a clone in a folder called {revision.name}",
            )
        interpreter = inspect_interpreter(place.python)
        built = build_suite(
            f"{repository}@{revision.commit}",
            settings,
            interpreter=interpreter,
            sandbox=place.sandbox,
            cache_folder=place.cache,
            progress=place.progress,
        )
    except CerevalError as error:
        return unchecked(NAME, [error.what], error.next_step), None
    about = f"{len(built.suite.tasks)} tasks built again from {revision.name}@{revision.short}, sha256 {_digest(built)}"
    changed = [*_changes(contents, interpreter)]
    doubt = f"other than in the run: {', '.join(changed)}" if changed else ""
    return checked(NAME, about, lambda: _compare(contents, built), doubt), built


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
    try:
        return BuildSettings(
            limit=int(known["limit"]),
            categories=tuple(Category(name) for name in known["categories"]),
            hint=str(known["hint"]),
            faults=int(known["faults"]),
            prompt=PromptSettings(int(known["context_tokens"])),
            bounds=RecordingBounds(**{name: int(value) for name, value in known["bounds"].items()}),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise SourceError(
            f"the bundle does not say what shaped its tasks: {type(error).__name__}: {str(error)[:200]}",
            next_step="verify it with the version of pytest-cereval that wrote it",
        ) from error


def told_tasks(suite: Suite, files: Checkout) -> list[dict[str, Any]]:
    """The tasks with what only people may see beside them: what is asked for, and the reference's own text."""
    paths = {PurePosixPath(task.path) for task in suite.tasks}
    references = {item.name: item.source for path in paths for item in extract_functions(files.runtime, path)}
    return [
        task.to_dict() | {"requirement_text": task.requirement_text, "reference": references.get(task.function, "")}
        for task in suite.tasks
    ]


def _part_of(suite: Suite, shard: Mapping[str, Any]) -> Suite:
    number, count = shard.get("number"), shard.get("count")
    if not isinstance(number, int) or not isinstance(count, int) or not 1 <= number <= count:
        return suite
    return part_of(suite, (number, count))


def _digest(built: Built) -> str:
    return sha256(b"".join(canonical(task) for task in told_tasks(built.suite, built.checkout)))


def _compare(contents: Contents, built: Built) -> Iterator[str]:
    suite = _part_of(built.suite, part(contents.run.provenance, "shard"))
    expected = {str(task["id"]): task for task in told_tasks(suite, built.checkout)}
    told = {str(task.get("id")): task for task in contents.tasks}
    for name in sorted({*expected, *told}):
        shown = (told.get(name) or expected[name]).get("name")
        if name not in told:
            yield f"task {name} ({shown}) is built from the repository and not in tasks.jsonl"
        elif name not in expected:
            yield f"task {name} ({shown}) is in tasks.jsonl and not built from the repository"
        else:
            yield from differences(expected[name], told[name], f"task {name} ({shown})")
    ledger = [entry.to_dict() for entry in built.suite.ledger]
    if ledger != contents.ledger:
        yield f"ledger.jsonl holds {len(contents.ledger)} entries, not the {len(ledger)} that are built"


def _changes(contents: Contents, interpreter: Interpreter) -> Iterator[str]:
    """What else decides tasks and is not what it was in the run, by name."""
    known = contents.run.provenance
    recorded = part(known, "versions")
    pairs = {name: (recorded.get(name), version) for name, version in versions().items() if name in _DECISIVE}
    pairs["Python"] = (part(known, "interpreter").get("version"), interpreter.version)
    pairs["interpreter"] = (part(known, "interpreter").get("executable"), interpreter.executable)
    pairs["the code of pytest-cereval"] = (known.get("code_sha256"), code_sha256())
    for name, (then, now) in pairs.items():
        if then != now:
            yield f"{name} ({str(now)[:60]}, then {str(then)[:60]})"
