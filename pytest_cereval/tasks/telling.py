"""Turns tasks into what a record keeps of them: the task, and beside it what only people may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.tasks.task import Task


def told_tasks(
    tasks: Iterable[Task],
    tree: Path,
    public: Mapping[str, Path] = {},
    dates: Mapping[str, Mapping[str, Any]] = {},
) -> list[dict[str, Any]]:
    """The tasks with the requirement's and the reference's own text, and how old the function is where that is known.

    tree: the repository's files. public: those of each public set by its name. dates: `Freshness.to_dict` by the name
    of a function of the repository.
    """
    known = list(tasks)
    trees = {"": tree, **public}
    functions = {name: functions_of(files, of_set(known, name)) for name, files in trees.items()}
    told = []
    for task in known:
        name = set_of(task)
        function = functions.get(name, functions[""]).get(task.function)
        beside: dict[str, Any] = {
            "requirement_text": task.requirement_text,
            "reference": function.source if function else "",
        }
        if not name and task.function in dates:
            beside["freshness"] = dates[task.function]
        told.append(task.to_dict() | beside)
    return told


def set_of(task: Task) -> str:
    """The public set that a task is of; empty for the repository's own."""
    return str(task.about.get("static_set", ""))


def of_set(tasks: Iterable[Task], name: str) -> list[Task]:
    """The tasks of one public set; of the repository itself for the empty name."""
    return [task for task in tasks if set_of(task) == name]


def functions_of(tree: Path, tasks: Iterable[Task]) -> dict[str, SourceFunction]:
    """The functions of the files that these tasks are in, by name."""
    paths = sorted({task.path for task in tasks})
    return {item.name: item for path in paths for item in extract_functions(tree, PurePosixPath(path))}
