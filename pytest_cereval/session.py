"""The state of one pytest session: what is evaluated, who is asked, where it is judged and recorded.

`Work` is what runs items: a plain session has one, and so has every xdist worker. `Desk` is what there is once per
run, in the controlling process: the suite's build, the one model, the store.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.asking import Asker, WatchedModel, model_key
from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.categories.registry import KNOWN
from pytest_cereval.demo import demo_repository
from pytest_cereval.errors import SettingsError
from pytest_cereval.evaluate import Bench
from pytest_cereval.judge_check import JudgeCheck, check_judge
from pytest_cereval.models.broker import Broker
from pytest_cereval.models.model import Completion, LoadSettings, Model, Prompt, Sampling, prompt_sha256
from pytest_cereval.models.remote import RemoteModel
from pytest_cereval.models.resolve import ACCEPTED, resolve_model
from pytest_cereval.options import DEMO_MODEL, Settings
from pytest_cereval.oracles.linting import Linter
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.provenance import machine, versions
from pytest_cereval.results.store import Store
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import Interpreter, inspect_interpreter
from pytest_cereval.sandbox.sandbox import Level, Sandbox
from pytest_cereval.sandbox.selftest import self_test
from pytest_cereval.source.functions import extract_functions
from pytest_cereval.source.repository import open_checkout
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.prompt import PromptSettings
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Category, Task

Tell = Callable[[str], None]
MANIFEST_SUFFIX = ".cereval.json"
_TELL_EVERY_S = 15.0


@dataclass(slots=True)
class Work:
    """What an item needs: its suite, the bench, somebody to ask, and the run's name."""

    suite: Suite
    manifest: Path
    bench: Bench | None = None
    asker: Asker | None = None
    run_id: str = ""

    @classmethod
    def in_worker(cls, settings: Settings, told: Mapping[str, Any]) -> Work:
        """In an xdist worker, from what the controller told it."""
        manifest = Path(told["manifest"])
        work = cls(Suite.from_dict(cache.load(manifest)), manifest, run_id=told["run_id"])
        if told["address"]:
            interpreter = inspect_interpreter(settings.path("python"))
            sandbox = choose_sandbox(Level(settings["sandbox"]))
            work.bench = Bench(
                open_checkout(settings.cache_folder, work.suite.revision),
                sandbox,
                interpreter,
                settings.cache_folder,
                linter(settings, interpreter),
            )
            work.asker = Asker(RemoteModel(told["address"], told["token"]), sampling(settings), told["known"])
        return work

    def close(self) -> None:
        """Stop asking ahead, and end what candidates ran in."""
        if self.asker is not None:
            self.asker.close()
        if self.bench is not None:
            self.bench.close()


@dataclass(slots=True)
class Desk:
    """The controlling side of a run. `open` builds the suite; `open_run` gets the model, the store and the bench."""

    settings: Settings
    built: Built
    manifest: Path
    repository: str
    model: Model | None = None
    checked: JudgeCheck | None = None
    store: Store | None = None
    broker: Broker | None = None
    bench: Bench | None = None
    run_id: str = ""
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    watch: Callable[[Task, int], None] = lambda task, tokens: None
    _model_key: str = ""
    _provenance: dict[str, Any] = field(default_factory=dict)
    _by_prompt: dict[str, list[Task]] = field(default_factory=dict)

    @property
    def suite(self) -> Suite:
        """What is evaluated."""
        return self.built.suite

    @classmethod
    def open(cls, settings: Settings, tell: Tell, *, collect_only: bool) -> Desk:
        """Check the model's name and the judge, then build the suite and write the manifest that names its items."""
        model = None if collect_only else _resolve_model(settings, tell)
        interpreter = inspect_interpreter(settings.path("python"))
        opened: list[Sandbox] = []

        def sandbox() -> Sandbox:
            if not opened:
                opened.append(_tested_sandbox(settings, interpreter))
            return opened[0]

        checked = None if model is None else check_judge(sandbox(), interpreter)
        spec = str(demo_repository(settings.cache_folder)) if settings["demo"] else settings["repo"]
        built = build_suite(
            spec if settings["demo"] else _anchored(spec, settings.root),
            BuildSettings(
                limit=settings["limit"],
                categories=tuple(Category(name) for name in settings["categories"] or KNOWN),
                hint=settings["hint"],
                faults=settings["faults"],
                prompt=PromptSettings(settings["context-tokens"]),
            ),
            interpreter=interpreter,
            sandbox=sandbox,
            cache_folder=settings.cache_folder,
            progress=_stage_teller(tell),
        )
        revision = built.suite.revision
        manifest = settings.path("store").parent / f"{revision.name}-{revision.short}{MANIFEST_SUFFIX}"
        cache.save(manifest, built.suite.to_dict(), indent=1)
        desk = cls(settings, built, manifest, f"{revision.name}@{revision.short}", model=model, checked=checked)
        if model is not None:
            lint = linter(settings, interpreter)
            desk.bench = Bench(built.checkout, sandbox(), interpreter, settings.cache_folder, lint)
            desk._open_run()
        return desk

    def _open_run(self) -> None:
        """Start the record, and look up what it already answers."""
        assert self.model is not None  # noqa: S101 - the one caller has just made it
        description = self.model.describe()
        self._model_key = model_key(description, sampling(self.settings))
        for task in self.suite.tasks:
            self._by_prompt.setdefault(prompt_sha256(task.prompt), []).append(task)
        self.run_id = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + f"-{secrets.token_hex(2)}"
        self.store = Store.open(self.settings.path("store"))
        self._provenance = self._provenance_now(description)
        self.store.begin_run(self.run_id, self._provenance)
        self.store.save_tasks(
            self.run_id,
            self._for_report(),
            [entry.to_dict() for entry in self.suite.ledger],
        )
        if self.settings["resume"]:
            for task in self.suite.tasks:
                found = self.store.find_completion(task.id, 0, prompt_sha256(task.prompt), self._model_key)
                if found is not None:
                    self.known[task.id] = found
        self.model = WatchedModel(self.model, seen=self._seen, kept=self._kept)

    def work(self) -> Work:
        """For a session without workers: items run here."""
        asker = None if self.model is None else Asker(self.model, sampling(self.settings), self.known)
        return Work(self.suite, self.manifest, self.bench, asker, self.run_id)

    def for_worker(self) -> dict[str, Any]:
        """What an xdist worker must be told: builtins only. The first call opens the model to workers."""
        if self.model is not None and self.broker is None:
            self.broker = Broker(self.model)
        return {
            "manifest": str(self.manifest),
            "run_id": self.run_id,
            "known": self.known,
            "address": self.broker.address if self.broker else "",
            "token": self.broker.token if self.broker else "",
        }

    def record(self, attempt: Attempt) -> None:
        """Keep an attempt."""
        assert self.store is not None  # noqa: S101 - attempts are only made in a run
        self.store.save_attempt(attempt)
        self.recorded.add(attempt.task_id)

    def provenance_sha256(self) -> str:
        """A digest of the run's provenance as it is now, for a report to carry."""
        text = json.dumps(self._provenance, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest() if self._provenance else ""

    def close(self, status: str) -> None:
        """End the model's process and the record."""
        if self.broker is not None:
            self.broker.close()
        if self.store is not None and self.model is not None:
            self._provenance |= {"model": self.model.describe()}
            self.model.close()
            self.store.update_provenance(self.run_id, self._provenance)
            self.store.end_run(self.run_id, status)

    def _for_report(self) -> list[dict[str, Any]]:
        """The tasks with what only people may see beside them: the reference's own text."""
        tree = self.built.checkout.runtime
        paths = {PurePosixPath(task.path) for task in self.suite.tasks}
        references = {item.name: item.source for path in paths for item in extract_functions(tree, path)}
        return [
            task.to_dict() | {"requirement_text": task.requirement_text, "reference": references.get(task.function, "")}
            for task in self.suite.tasks
        ]

    def _seen(self, digest: str, tokens: int) -> None:
        for task in self._by_prompt.get(digest, ())[:1]:
            self.watch(task, tokens)

    def _kept(self, prompt: Prompt, completion: Completion) -> None:
        """Store an answer under every task that asks exactly this, before anything is judged."""
        digest = prompt_sha256(prompt)
        for task in self._by_prompt.get(digest, ()):
            if self.store is not None:
                self.store.save_completion(self.run_id, task.id, 0, digest, self._model_key, completion.to_dict())

    def _provenance_now(self, description: dict[str, Any]) -> dict[str, Any]:
        assert self.bench is not None  # noqa: S101 - a run has a bench
        return {
            "repository": self.suite.revision.to_dict(),
            "rules_version": self.suite.rules_version,
            "suite": {
                "functions": self.suite.functions,
                "tasks": len(self.suite.tasks),
                **self.suite.settings,
            },
            "repository_tests": self.suite.tests,
            "model": description,
            "model_key": self._model_key,
            "options": {name: str(value) for name, value in self.settings.to_dict().items()},
            "sandbox": {
                "level": self.bench.sandbox.level.value,
                **self.bench.sandbox.describe(),
                "judge_check": self.checked.to_dict() if self.checked else {},
            },
            "interpreter": {
                "executable": self.bench.interpreter.executable,
                "version": self.bench.interpreter.version,
            },
            "linters": self.bench.linter.describe() if self.bench.linter else {"level": "off"},
            "machine": machine(),
            "versions": versions(),
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        }


def sampling(settings: Settings) -> Sampling:
    """How answers are drawn."""
    return Sampling(
        temperature=settings["temperature"],
        seed=settings["seed"],
        max_tokens=settings["max-tokens"],
        thinking=settings["thinking"],
        timeout_s=settings["answer-timeout"],
    )


def linter(settings: Settings, interpreter: Interpreter) -> Linter | None:
    """Who looks at candidates beside the judge; nobody with `--cereval-lint=off`."""
    level = settings["lint"]
    return None if level == "off" else Linter(level, interpreter.version, settings.cache_folder)


def _resolve_model(settings: Settings, tell: Tell) -> Model:
    spec = DEMO_MODEL if settings["demo"] else settings["model"]
    if not spec:
        raise SettingsError("--cereval-repo without --cereval-model", next_step=f"give --cereval-model={ACCEPTED}")
    load = LoadSettings(
        n_ctx=settings["ctx"],
        n_batch=min(512, settings["ctx"]),
        n_gpu_layers=settings["gpu-layers"],
        flash_attn=settings["flash-attn"] == "on",
        type_k=settings["type-k"],
        type_v=settings["type-v"],
        n_threads=settings["threads"] or None,
        plain=settings["plain-prompt"],
    )
    kind, _, rest = spec.partition(":")
    if kind not in ("demo", "hf"):
        prefix = "replay:" if kind == "replay" else ""
        spec = f"{prefix}{settings.root / Path(rest if prefix else spec).expanduser()}"
    return resolve_model(spec, cache_dir=settings.cache_folder, load=load, tell=tell)


def _anchored(spec: str, root: Path) -> str:
    return str(root / Path(spec).expanduser())


def _tested_sandbox(settings: Settings, interpreter: Interpreter) -> Sandbox:
    sandbox = choose_sandbox(Level(settings["sandbox"]))
    self_test(sandbox, interpreter)
    return sandbox


def _stage_teller(tell: Tell) -> Callable[[str, int, int], None]:
    """Tell each stage of a build once, and a long one every fifteen seconds."""
    told: dict[str, float] = {}

    def progress(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - told.get(stage, 0.0) > _TELL_EVERY_S:
            told[stage] = now
            tell(f"{stage} {done}/{total}" if total else stage)

    return progress
