"""Turns settings into the suite of a run: the repository's own, public sets beside it, and what reports tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.categories.audit import bandit
from pytest_cereval.categories.category import Progress
from pytest_cereval.dating import dates_of
from pytest_cereval.demo import demo_repository
from pytest_cereval.errors import SettingsError
from pytest_cereval.options import Settings
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.history.freshness import parse_cutoff
from pytest_cereval.source.repository import Checkout
from pytest_cereval.static_sets.building import problem_set, static_tasks
from pytest_cereval.tasks import telling
from pytest_cereval.tasks.prompt import PromptSettings
from pytest_cereval.tasks.task import Task


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
    if settings["natural"] and not bandit.is_installed():
        raise SettingsError(
            "--cereval-natural without Bandit, which finds what is asked about", next_step=bandit.INSTALL
        )
    spec = _spec(settings)
    built = build_suite(
        spec,
        BuildSettings(
            limit=settings["limit"],
            categories=_categories(settings),
            hint=settings["hint"],
            faults=settings["faults"],
            constrained=settings["constrained"],
            prompt=PromptSettings(settings["context-tokens"]),
            registry=settings.registry,
        ),
        interpreter=interpreter,
        sandbox=sandbox,
        cache_folder=settings.cache_folder,
        progress=progress,
        fresh=settings["fresh"],
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


def _categories(settings: Settings) -> tuple[str, ...]:
    """What is asked, natural findings last."""
    return (*(settings["categories"] or settings.registry.names), *([NATURAL] if settings["natural"] else []))


def told_tasks(gathered: Gathered, tasks: tuple[Task, ...], settings: Settings) -> list[dict[str, Any]]:
    """The tasks as a record keeps them, with how old each function is if that is asked for."""
    tree = gathered.built.checkout.runtime
    public = {name: files.runtime for name, files in gathered.statics.items()}
    dates: dict[str, dict[str, Any]] = {}
    if settings["cutoff"]:
        functions = telling.functions_of(tree, telling.of_set(tasks, ""))
        revision = gathered.built.suite.revision
        dates = dates_of(gathered.spec, revision, tuple(functions.values()), settings.cache_folder)
    return telling.told_tasks(tasks, tree, public, dates)


def _spec(settings: Settings) -> str:
    if settings["demo"]:
        return str(demo_repository(settings.cache_folder))
    return str(settings.root / Path(settings["repo"]).expanduser())
