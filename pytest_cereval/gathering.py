"""Turns settings into the suite of a run: the repository's own, public sets beside it, and what reports tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.categories.category import Progress
from pytest_cereval.categories.registry import KNOWN
from pytest_cereval.dating import dates_of
from pytest_cereval.demo import demo_repository
from pytest_cereval.options import Settings
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.source.history.freshness import parse_cutoff
from pytest_cereval.source.repository import Checkout
from pytest_cereval.static_sets.building import problem_set, static_tasks
from pytest_cereval.tasks.prompt import PromptSettings
from pytest_cereval.tasks.task import Category, Task


@dataclass(frozen=True, slots=True)
class Gathered:
    """The suite that is asked, with the checkout of each public set's tasks by the name of the set."""

    spec: str
    built: Built
    statics: dict[str, Checkout]


def gather(
    settings: Settings, interpreter: Interpreter, sandbox: Callable[[], Sandbox], progress: Progress
) -> Gathered:
    """Build what is evaluated, or find it in the cache; raises `CerevalError`."""
    if settings["cutoff"]:
        parse_cutoff(settings["cutoff"])  # a date that is none must be known before hours of asking
    spec = _spec(settings)
    built = build_suite(
        spec,
        BuildSettings(
            limit=settings["limit"],
            categories=tuple(Category(name) for name in settings["categories"] or KNOWN),
            hint=settings["hint"],
            faults=settings["faults"],
            constrained=settings["constrained"],
            prompt=PromptSettings(settings["context-tokens"]),
        ),
        interpreter=interpreter,
        sandbox=sandbox,
        cache_folder=settings.cache_folder,
        progress=progress,
    )
    if not settings["static"]:
        return Gathered(spec, built, {})
    wanted = settings["static"] if settings["static"] == "humaneval" else str(settings.path("static"))
    found = static_tasks(
        problem_set(wanted, settings.cache_folder),
        interpreter=interpreter,
        sandbox=sandbox,
        cache_folder=settings.cache_folder,
        limit=settings["limit"],
        progress=progress,
    )
    suite = replace(
        built.suite,
        tasks=(*built.suite.tasks, *found.tasks),
        ledger=(*built.suite.ledger, *found.ledger),
        settings=built.suite.settings | {"static": found.describe()},
    )
    return Gathered(spec, replace(built, suite=suite), {found.name: found.checkout})


def told_tasks(gathered: Gathered, tasks: tuple[Task, ...], settings: Settings) -> list[dict[str, Any]]:
    """The tasks with what only people may see beside them: the reference's own text, and how old it is if asked for."""
    own = _functions(gathered.built.checkout.runtime, (task for task in tasks if not _set_of(task)))
    public = {
        name: _functions(files.runtime, (task for task in tasks if _set_of(task) == name))
        for name, files in gathered.statics.items()
    }
    dates: dict[str, dict[str, Any]] = {}
    if settings["cutoff"]:
        revision = gathered.built.suite.revision
        dates = dates_of(gathered.spec, revision, tuple(own.values()), settings.cache_folder)
    told = []
    for task in tasks:
        function = public.get(_set_of(task), own).get(task.function)
        beside: dict[str, Any] = {
            "requirement_text": task.requirement_text,
            "reference": function.source if function else "",
        }
        if task.function in dates and not _set_of(task):
            beside["freshness"] = dates[task.function]
        told.append(task.to_dict() | beside)
    return told


def _set_of(task: Task) -> str:
    """The public set that a task is of; empty for the repository's own."""
    return str(task.about.get("static_set", ""))


def _functions(tree: Path, tasks: Any) -> dict[str, SourceFunction]:
    paths = sorted({task.path for task in tasks})
    return {item.name: item for path in paths for item in extract_functions(tree, PurePosixPath(path))}


def _spec(settings: Settings) -> str:
    if settings["demo"]:
        return str(demo_repository(settings.cache_folder))
    return str(settings.root / Path(settings["repo"]).expanduser())
