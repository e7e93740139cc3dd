"""Tasks as pytest items: one file that lists them, a collector per category, a function item per task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import CerevalError
from pytest_cereval.evaluate import blank_attempt, evaluate, invalid
from pytest_cereval.report.html import report_property
from pytest_cereval.report.text import failure_text
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.session import Work
from pytest_cereval.tasks.task import Category, Task

WORK = pytest.StashKey[Work]()


class WrongAnswer(Exception):
    """The model's answer is not right; the item fails with the attempt's own account."""


class NoVerdict(Exception):
    """Our machinery failed, so there is no verdict; the item is an error, not a failure."""


class ManifestFile(pytest.File):
    """The manifest of a suite, an existing file, so that node ids can be pasted back."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector for each category that has tasks."""
        suite = self.config.stash[WORK].suite
        for category in Category:
            if any(task.category is category for task in suite.tasks):
                yield CategoryCollector.from_parent(self, name=category.value)


class CategoryCollector(pytest.Collector):
    """The tasks of one category, in order of name."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each task."""
        for task in self.config.stash[WORK].suite.tasks:
            if task.category.value == self.name:
                yield TaskItem.from_parent(self, name=task.name, callobj=_asked, task=task)


def _asked() -> None:
    """An item's function for plugins that look at `item.function`; the work is done by the item."""


class TaskItem(pytest.Function):
    """One task. `setup` asks and judges, so that a fault of ours is an error; `runtest` fails on a wrong answer."""

    def __init__(self, *, task: Task, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.task = task
        self.attempt: Attempt | None = None
        self.add_marker(task.category.value)
        self.add_marker(task.requirement.value)

    def setup(self) -> None:
        """Ask and judge, then let the model begin with the next task."""
        super().setup()
        work = self.config.stash[WORK]
        assert work.bench is not None and work.asker is not None  # noqa: S101, PT018 - only --co has neither
        blank = blank_attempt(
            self.task,
            run_id=work.run_id,
            nodeid=str(self.nodeid),
            sandbox_level=work.bench.sandbox.level.value,
        )
        work.asker.prepare(self.task)
        following = self.stash.get(NEXT_TASK, None)
        if following is not None:
            work.asker.prepare(following)
        try:
            answer = work.asker.answer(self.task)
        except CerevalError as error:
            self.attempt = invalid(blank, error)
        else:
            self.attempt = evaluate(work.bench, self.task, answer, blank)
        self.user_properties.append(report_property([self.attempt]))
        if not self.attempt.verdict.is_scored:
            raise NoVerdict(self.attempt.evidence.get("error", self.attempt.detail))

    def runtest(self) -> None:
        """Fail unless the answer is right."""
        assert self.attempt is not None  # noqa: S101 - setup has made it
        if not self.attempt.verdict.is_pass:
            raise WrongAnswer(self.attempt.detail)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The attempt in words; pytest's own traceback only for what we did not foresee."""
        if isinstance(excinfo.value, WrongAnswer) and self.attempt is not None:
            return failure_text(self.attempt, self.task.requirement_text)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the task comes from: the line of the function in the repository."""
        return (
            self.path,
            None,
            f"{self.task.category.value}: {self.task.path}:{self.task.definition_line} {self.task.name}",
        )


NEXT_TASK = pytest.StashKey[Task]()
