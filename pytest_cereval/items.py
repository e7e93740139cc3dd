"""Tasks as pytest items: one file that lists them, a collector per category, a function item per task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import CerevalError
from pytest_cereval.evaluate import invalid
from pytest_cereval.report.html import report_property
from pytest_cereval.report.properties import item_properties
from pytest_cereval.report.text import failure_text
from pytest_cereval.results.apart import rated
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.session import Work, ordered
from pytest_cereval.tasks.task import Task

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
        for category in dict.fromkeys(str(task.category) for task in ordered(suite.tasks)):
            yield CategoryCollector.from_parent(self, name=category)


class CategoryCollector(pytest.Collector):
    """The tasks of one category, in order of name."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each task."""
        for task in ordered(self.config.stash[WORK].suite.tasks):
            if task.category == self.name:
                yield TaskItem.from_parent(self, name=task.name, callobj=_asked, task=task)


def _asked() -> None:
    """An item's function for plugins that look at `item.function`; the work is done by the item."""


class TaskItem(pytest.Function):
    """One task. `setup` asks and judges, so that a fault of ours is an error; `runtest` fails on a wrong answer.

    With several samples the item is an error if one of them has no verdict, and passes if all of them pass.
    """

    def __init__(self, *, task: Task, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.task = task
        self.attempts: list[Attempt] = []
        self.add_marker(str(task.category))
        self.add_marker(task.requirement.value)

    def setup(self) -> None:
        """Ask and judge each sample, with the model one question ahead."""
        super().setup()
        work = self.config.stash[WORK]
        following = self.stash.get(NEXT_TASK, None)
        work.prepare(self.task, *([following] if following is not None else []))
        self.attempts = []
        waiting = work.blanks(self.task, str(self.nodeid))
        try:
            while waiting:
                made = work.attempt(self.task, waiting[0])
                self.attempts += [] if made is None else [made]
                del waiting[0]
        except BaseException as error:
            # A timeout of another plugin, say: what was not judged by then has no verdict, and the record says why.
            self.attempts += [invalid(blank, _broken_off(error)) for blank in waiting]
            raise
        finally:
            task = self.task
            self.user_properties += item_properties(task.id, str(task.category), task.band.value, self.attempts)
            self.user_properties.append(report_property(self.attempts))
        for attempt in self.attempts:
            if not attempt.verdict.is_scored:
                raise NoVerdict(attempt.evidence.get("error", attempt.detail))
        if not work.judging:
            pytest.skip("generated only: the answer is kept, nothing was judged")

    def runtest(self) -> None:
        """Fail unless every answer is right; what is counted apart cannot be wrong, and is skipped."""
        for attempt in self.attempts:
            if not attempt.verdict.is_pass and not rated([attempt]):
                pytest.skip(f"not confirmed: {attempt.detail}")
            if not attempt.verdict.is_pass:
                raise WrongAnswer(attempt.detail)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The attempts in words; pytest's own traceback only for what we did not foresee."""
        if not isinstance(excinfo.value, WrongAnswer):
            return super().repr_failure(excinfo)
        wrong = [each for each in self.attempts if not each.verdict.is_pass]
        text = failure_text(wrong[0], self.task.requirement_text)
        if len(self.attempts) == 1:
            return text
        listed = ", ".join(f"sample {each.sample} {each.verdict}" for each in wrong)
        passed = len(self.attempts) - len(wrong)
        return f"{passed} of {len(self.attempts)} samples pass; not: {listed}\n{text}"

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the task comes from: the line of the function in the repository."""
        return (
            self.path,
            None,
            f"{self.task.category}: {self.task.path}:{self.task.definition_line} {self.task.name}",
        )


NEXT_TASK = pytest.StashKey[Task]()


def _broken_off(error: BaseException) -> CerevalError:
    return CerevalError(
        f"the test was broken off: {str(error) or type(error).__name__}",
        next_step="give the test more time, or the answer less: --cereval-answer-timeout=SECONDS",
    )
