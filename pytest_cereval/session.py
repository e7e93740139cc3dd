"""Turns settings into what runs items: the suite, the bench, somebody to ask.

A plain session and each worker of xdist have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_cereval.asking import Asker, samples_of
from pytest_cereval.dependencies.environment import Environment
from pytest_cereval.dependencies.registry import Registry, read_registry
from pytest_cereval.errors import CerevalError
from pytest_cereval.evaluate import Bench, blank_attempt, evaluate, invalid
from pytest_cereval.models.model import Sampling
from pytest_cereval.models.remote import RemoteModel
from pytest_cereval.options import Settings
from pytest_cereval.oracles.linting import Linter
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import Interpreter, inspect_interpreter
from pytest_cereval.sandbox.sandbox import Level, Sandbox
from pytest_cereval.source.repository import open_checkout
from pytest_cereval.surveying import Surveyor
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Task, rank


@dataclass(slots=True)
class Work:
    """What an item needs: its suite, the bench, somebody to ask, and the run's name."""

    suite: Suite
    manifest: Path
    samplings: tuple[Sampling, ...] = ()
    bench: Bench | None = None
    asker: Asker | None = None
    run_id: str = ""
    judging: bool = True

    @classmethod
    def in_worker(cls, settings: Settings, told: Mapping[str, Any]) -> Work:
        """In an xdist worker, from what the controller told it."""
        manifest = Path(told["manifest"])
        suite = part_of(Suite.from_dict(cache.load(manifest)), settings["shard"])
        work = cls(suite, manifest, run_id=told["run_id"], judging=not settings["generate-only"])
        if work.run_id:
            interpreter = inspect_interpreter(settings.path("python"))
            work.samplings = tuple(Sampling(**each) for each in told["samplings"])
            sandbox = choose_sandbox(Level(settings["sandbox"]))
            work.bench = Bench(
                open_checkout(settings.cache_folder, work.suite.revision),
                sandbox,
                interpreter,
                settings.cache_folder,
                linter(settings, interpreter),
                surveyor(settings, interpreter, sandbox),
                settings.registry,
            )
            model = RemoteModel(told["address"], told["token"]) if told["address"] else None
            work.asker = Asker(model, work.samplings, told["known"], told["source"])
        return work

    def blanks(self, task: Task, nodeid: str) -> list[Attempt]:
        """An attempt for each sample, none of them begun; until one is judged it counts as our fault."""
        assert self.bench is not None  # noqa: S101 - only --co has none
        level = self.bench.sandbox.level.value
        blank = blank_attempt(task, run_id=self.run_id, nodeid=nodeid, sandbox_level=level)
        return [
            replace(blank, sample=number, temperature=each.temperature, seed=each.seed)
            for number, each in enumerate(self.samplings)
        ]

    def prepare(self, *tasks: Task) -> None:
        """Let the model begin with these, in this order."""
        assert self.asker is not None  # noqa: S101 - only --co has none
        for task in tasks:
            self.asker.prepare(task)

    def attempt(self, task: Task, blank: Attempt) -> Attempt | None:
        """Ask and judge one sample; None where it was asked and nothing is to be judged."""
        assert self.asker is not None and self.bench is not None  # noqa: S101, PT018 - only --co has neither
        try:
            answer = self.asker.answer(task, blank.sample)
        except CerevalError as error:
            return invalid(blank, error)
        return evaluate(self.bench, task, answer, blank) if self.judging else None

    def close(self) -> None:
        """Stop asking ahead, and end what candidates ran in."""
        if self.asker is not None:
            self.asker.close()
        if self.bench is not None:
            self.bench.close()


def ordered(tasks: Sequence[Task]) -> list[Task]:
    """Tasks in the order in which items ask them: those whose prompts begin alike, one category's, together."""
    return sorted(tasks, key=lambda task: rank(task.category))


def part_of(suite: Suite, shard: tuple[int, int] | None) -> Suite:
    """The suite, or of its tasks every `shard[1]`-th from the `shard[0]`-th on, counted from 1 in the items' order."""
    if shard is None:
        return suite
    number, count = shard
    chosen = {task.id for task in ordered(suite.tasks)[number - 1 :: count]}
    return replace(suite, tasks=tuple(task for task in suite.tasks if task.id in chosen))


def samplings(settings: Settings) -> tuple[Sampling, ...]:
    """How answers are drawn, one for each sample."""
    base = Sampling(
        temperature=settings["temperature"],
        seed=settings["seed"],
        max_tokens=settings["max-tokens"],
        thinking=settings["thinking"],
        timeout_s=settings["answer-timeout"],
    )
    return samples_of(base, settings["samples"])


def surveyor(settings: Settings, interpreter: Interpreter, sandbox: Sandbox) -> Surveyor | None:
    """Who looks up what answers import, and screens them; nobody with `--cereval-lint=off`."""
    if settings["lint"] == "off":
        return None
    registry = read_registry(settings.path("registry")) if settings["registry"] else Registry()
    return Surveyor(Environment(interpreter, sandbox, settings.cache_folder, registry))


def linter(settings: Settings, interpreter: Interpreter) -> Linter | None:
    """Who looks at candidates beside the judge; nobody with `--cereval-lint=off`."""
    level = settings["lint"]
    return None if level == "off" else Linter(level, interpreter.version, settings.cache_folder)
