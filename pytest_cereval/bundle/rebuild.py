"""Turns the repository that a bundle names into its task set again, and says where the two differ.

What decides a task besides the commit (interpreter, installed packages, this package's own code) may have changed.
Then a difference shows nothing about the bundle, and the check is one that could not be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.build import Built, build_suite
from pytest_cereval.bundle.canonical import canonical, differences, part, sha256
from pytest_cereval.bundle.check import Check, checked, unchecked
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.bundle.recorded import asks_dates, recorded_revision, recorded_set, recorded_settings
from pytest_cereval.dating import dates_of
from pytest_cereval.errors import CerevalError, SettingsError, SourceError
from pytest_cereval.results.provenance import code_sha256, versions
from pytest_cereval.sandbox.interpreter import Interpreter, inspect_interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.session import ordered
from pytest_cereval.source.ledger import LedgerEntry
from pytest_cereval.source.repository import resolve
from pytest_cereval.static_sets.building import StaticTasks, problem_set, static_tasks
from pytest_cereval.tasks import telling
from pytest_cereval.tasks.task import Task

NAME, PUBLIC, DATES = "task set", "public set", "dates"
_DECISIVE = ("hypothesis", "pytest", "cloudpickle")
_BESIDE = "freshness"
_CLONE = "what a clone tells of when code was written depends on the branches that it holds"


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are built and judged again; `sandbox` is called only if something must be run.

    static: the public set that the run asked as well, `humaneval` or a file; no path that a bundle holds is followed.
    """

    python: Path
    sandbox: Callable[[], Sandbox]
    cache: Path
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None
    static: str = ""


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the run could ask, built again: tasks in the order of a suite, with how a record tells them."""

    tasks: tuple[Task, ...]
    told: dict[str, dict[str, Any]]
    ledger: tuple[LedgerEntry, ...]


def rebuild(contents: Contents, repository: Path, place: Place) -> tuple[list[Check], Built | None]:
    """Build the tasks of the recorded commit from the repository at this path, and compare them one by one."""
    try:
        revision = recorded_revision(contents)
        settings = recorded_settings(contents)
        spec = f"{repository}@{revision.commit}"
        named = resolve(spec)
        if named.name != revision.name:
            raise SourceError(
                f"the folder is called {named.name!r}; questions name the repository {revision.name!r}",
                next_step=f"give a clone in a folder called {revision.name}",
            )
        interpreter = inspect_interpreter(place.python)
        built = build_suite(
            spec,
            settings,
            interpreter=interpreter,
            sandbox=place.sandbox,
            cache_folder=place.cache,
            progress=place.progress,
        )
    except CerevalError as error:
        return [unchecked(NAME, [error.what], error.next_step)], None
    changed = [*_changes(contents, interpreter)]
    doubt = f"other than in the run: {', '.join(changed)}" if changed else ""
    checks, public = _public(contents, place, interpreter, settings.limit)
    if recorded_set(contents) and public is None and part(contents.run.provenance, "shard"):
        doubt = "which tasks a shard asks depends on the public set as well, which is not at hand"
    whole = _whole(contents, built, public, _dates(contents, spec, built, place.cache))
    told = f"{len(built.suite.tasks)} tasks built again from {revision.name}@{revision.short}"
    about = f"{told}, sha256 {_digest(whole)}"
    checks.insert(0, checked(NAME, about, lambda: _compare(contents, whole, known=public is not None), doubt))
    if asks_dates(contents):
        checks.append(checked(DATES, "when each function was written", lambda: _dated(contents, whole), _CLONE))
    return checks, built


def _public(
    contents: Contents, place: Place, interpreter: Interpreter, limit: int
) -> tuple[list[Check], StaticTasks | None]:
    """The tasks of the public set that the run asked as well, if it did and the set is at hand."""
    recorded = recorded_set(contents)
    if not recorded:
        return [], None
    name = str(recorded.get("name"))[:80]
    if not place.static:
        reason = f"the {recorded.get('tasks')} tasks of the public set {name!r} are not those of a repository"
        return [unchecked(PUBLIC, [reason], "give the set as well: --static=humaneval, or --static=FILE")], None
    try:
        problems = problem_set(place.static, place.cache)
        if problems.sha256 != recorded.get("sha256"):
            raise SettingsError(
                f"{place.static} is not the public set of the run: its sha256 is {problems.sha256}",
                next_step=f"give the file with sha256 {str(recorded.get('sha256'))[:64]}",
            )
        found = static_tasks(
            problems,
            interpreter=interpreter,
            sandbox=place.sandbox,
            cache_folder=place.cache,
            limit=limit,
            progress=place.progress,
        )
    except CerevalError as error:
        return [unchecked(PUBLIC, [error.what], error.next_step)], None
    about = f"{len(found.tasks)} tasks of {found.name} built again"
    return [checked(PUBLIC, about, lambda: differences(found.describe(), recorded, "suite.static"))], found


def _dates(contents: Contents, spec: str, built: Built, cache: Path) -> dict[str, dict[str, Any]]:
    if not asks_dates(contents):
        return {}
    functions = telling.functions_of(built.checkout.runtime, built.suite.tasks)
    return dates_of(spec, built.suite.revision, tuple(functions.values()), cache)


def _whole(contents: Contents, built: Built, public: StaticTasks | None, dates: Mapping[str, dict[str, Any]]) -> _Whole:
    tasks = (*built.suite.tasks, *(public.tasks if public else ()))
    asked = ordered(tasks)
    shard, merged = part(contents.run.provenance, "shard"), part(contents.run.provenance, "merged")
    count = (shard or merged).get("count")
    if isinstance(count, int) and count > 0:
        missing = merged.get("missing") if merged else None
        left_out = missing if isinstance(missing, list) else []
        numbers = [shard.get("number")] if shard else [each for each in range(1, count + 1) if each not in left_out]
        asked = [task for index, task in enumerate(asked) if index % count + 1 in numbers]
    trees = {public.name: public.checkout.runtime} if public else {}
    told = telling.told_tasks(asked, built.checkout.runtime, trees, dates)
    ledger = (*built.suite.ledger, *(public.ledger if public else ()))
    return _Whole(tasks, {str(task["id"]): task for task in told}, ledger)


def _digest(whole: _Whole) -> str:
    return sha256(b"".join(canonical(_undated(task)) for task in whole.told.values()))


def _undated(task: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in task.items() if name != _BESIDE}


def _compare(contents: Contents, whole: _Whole, *, known: bool) -> Iterator[str]:
    """All but dates; tasks of a public set that was not built again (`known` is false) are another check's."""
    set_name = str(recorded_set(contents).get("name", ""))
    told = {str(task.get("id")): task for task in contents.tasks}
    absent = recorded_set(contents) if not known else {}
    left_out = {name for name, task in told.items() if absent and _set(task) == set_name}
    if len(left_out) > int(absent.get("tasks", 0)):
        yield f"tasks.jsonl holds {len(left_out)} tasks of {set_name!r}, the run had {absent.get('tasks')}"
    for name in sorted({*whole.told, *told} - left_out):
        shown = (told.get(name) or whole.told[name]).get("name")
        if name not in told:
            yield f"task {name} ({shown}) is built from the repository and not in tasks.jsonl"
        elif name not in whole.told:
            yield f"task {name} ({shown}) is in tasks.jsonl and not built from the repository"
        else:
            yield from differences(_undated(whole.told[name]), _undated(told[name]), f"task {name} ({shown})")
    expected = [entry.to_dict() for entry in whole.ledger]
    more = len(contents.ledger) - len(expected)
    if contents.ledger[: len(expected)] != expected or more != int(absent.get("refused", 0)):
        yield f"ledger.jsonl holds {len(contents.ledger)} entries, not the {len(expected)} that are built"


def _dated(contents: Contents, whole: _Whole) -> Iterator[str]:
    for task in contents.tasks:
        expected = whole.told.get(str(task.get("id")))
        if expected is not None:
            where = f"task {task.get('id')} ({task.get('name')})"
            yield from differences(expected.get(_BESIDE), task.get(_BESIDE), f"{where}.{_BESIDE}")


def _set(task: Mapping[str, Any]) -> str:
    return str(part(task, "about").get("static_set", ""))


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
