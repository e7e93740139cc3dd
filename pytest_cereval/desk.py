"""Turns settings into a run, once and in the controlling process: the suite's build, the one model, the record."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_cereval.asking import Asker, Known, model_key
from pytest_cereval.errors import SettingsError
from pytest_cereval.evaluate import Bench
from pytest_cereval.gathering import Gathered, gather, told_tasks
from pytest_cereval.judge_check import JudgeCheck, check_judge
from pytest_cereval.models.broker import Broker
from pytest_cereval.models.model import BatchModel, Completion, LoadSettings, Prompt, Sampling, prompt_sha256
from pytest_cereval.models.resolve import ACCEPTED, resolve_model
from pytest_cereval.options import DEMO_MODEL, Settings
from pytest_cereval.origin import provenance
from pytest_cereval.recall import Recalled, recalled, resumable
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.store import Store, StoredCompletion
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import Interpreter, inspect_interpreter
from pytest_cereval.sandbox.sandbox import Level, Sandbox
from pytest_cereval.sandbox.selftest import self_test
from pytest_cereval.session import Work, linter, part_of, samplings, surveyor
from pytest_cereval.stream import Stream
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Task

Tell = Callable[[str], None]
MANIFEST_SUFFIX = ".cereval.json"
_TELL_EVERY_S = 15.0


@dataclass(slots=True)
class Desk:
    """The controlling side of a run. `open` builds the suite and, unless tasks are only listed, begins the run."""

    settings: Settings
    gathered: Gathered
    suite: Suite
    manifest: Path
    repository: str
    model: Stream | None = None
    checked: JudgeCheck | None = None
    store: Store | None = None
    broker: Broker | None = None
    bench: Bench | None = None
    run_id: str = ""
    scored_from: str = ""
    samplings: tuple[Sampling, ...] = ()
    together: int = 1
    known: Known = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    watch: Callable[[Task, int], None] = lambda task, tokens: None
    _keys: tuple[str, ...] = ()
    _provenance: dict[str, Any] = field(default_factory=dict)
    _by_prompt: dict[str, list[Task]] = field(default_factory=dict)

    @classmethod
    def open(cls, settings: Settings, tell: Tell, *, collect_only: bool) -> Desk:
        """Check the model's name and the judge, then build the suite and write the manifest that names its items."""
        asks = not (collect_only or settings["score"])
        model = _resolve_model(settings, tell) if asks else None
        interpreter = inspect_interpreter(settings.path("python"))
        opened: list[Sandbox] = []

        def sandbox() -> Sandbox:
            if not opened:
                opened.append(_tested_sandbox(settings, interpreter))
            return opened[0]

        checked = None if collect_only else check_judge(sandbox(), interpreter)
        gathered = gather(settings, interpreter, sandbox, _stage_teller(tell))
        built = gathered.built
        revision = built.suite.revision
        manifest = settings.path("store").parent / f"{revision.name}-{revision.short}{MANIFEST_SUFFIX}"
        cache.save(manifest, built.suite.to_dict(), indent=1)
        suite = part_of(built.suite, settings["shard"])
        desk = cls(settings, gathered, suite, manifest, f"{revision.name}@{revision.short}", checked=checked)
        if not collect_only:
            beside = linter(settings, interpreter), surveyor(settings, interpreter, sandbox())
            desk.bench = Bench(
                built.checkout, sandbox(), interpreter, settings.cache_folder, *beside, settings.registry
            )
            desk._open_run(model)
        return desk

    def _open_run(self, model: BatchModel | None) -> None:
        """Start the record, and look up what it already answers."""
        assert self.bench is not None  # noqa: S101 - the one caller has just made it
        self.store = Store.open(self.settings.path("store"), must_exist=model is None)
        description = self._ask_nobody() if model is None else self._ask(model)
        for task in self.suite.tasks:
            self._by_prompt.setdefault(prompt_sha256(task.prompt), []).append(task)
        self.run_id = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + f"-{secrets.token_hex(2)}"
        self._provenance = provenance(
            self.settings,
            self.suite,
            self.bench,
            checked=self.checked,
            model=description,
            samplings=self.samplings,
            together=self.together,
            keys=self._keys,
            scored_from=self.scored_from,
            reused=self.gathered.built.reused,
        )
        self.store.begin_run(self.run_id, self._provenance)
        told = told_tasks(self.gathered, self.suite.tasks, self.settings)
        self.store.save_tasks(self.run_id, told, [entry.to_dict() for entry in self.suite.ledger])
        if self.settings["resume"]:
            self.known = resumable(self.store, self.suite.tasks, self._keys)
        # Under this run as well, so that it can be scored, merged and resumed from its own record.
        self.store.save_completions(self.run_id, list(self._known_completions()))

    def _ask(self, model: BatchModel) -> dict[str, Any]:
        """Make the model the one that this run asks; what it is."""
        self.samplings = samplings(self.settings)
        description = model.describe()
        batch = self.samplings if self.settings["batch"] else ()
        self.together = len(batch) or 1
        self._keys = tuple(model_key(description, each, batch) for each in self.samplings)
        self.model = Stream(
            model, self.samplings, seen=self._seen, kept=self._kept, wanted=self._wanted, batch=bool(batch)
        )
        return description

    def _ask_nobody(self) -> dict[str, Any]:
        """Take all answers from an earlier run; who gave them."""
        assert self.store is not None  # noqa: S101 - the one caller has just opened it
        earlier: Recalled = recalled(self.store, self.settings["score"], self.suite.tasks)
        if self.settings["samples"] not in (1, len(earlier.samplings)):
            raise SettingsError(
                f"--cereval-samples={self.settings['samples']}: run {earlier.run_id} has {len(earlier.samplings)}",
                next_step="leave out --cereval-samples; the run says how many there are",
            )
        self.scored_from, self.known = earlier.run_id, earlier.known
        self.samplings, self._keys, self.together = earlier.samplings, earlier.keys, earlier.together
        return earlier.model

    def work(self) -> Work:
        """For a session without workers: items run here."""
        asker = None if self.bench is None else Asker(self.model, self.samplings, self.known, self._source)
        judging = not self.settings["generate-only"]
        return Work(self.suite, self.manifest, self.samplings, self.bench, asker, self.run_id, judging)

    def for_worker(self) -> dict[str, Any]:
        """What an xdist worker must be told: builtins only. The first call opens the model to workers."""
        if self.model is not None and self.broker is None:
            self.broker = Broker(self.model)
        return {
            "manifest": str(self.manifest),
            "run_id": self.run_id,
            "known": self.known,
            "source": self._source,
            "samplings": [dataclasses.asdict(each) for each in self.samplings],
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
        if self.store is not None:
            if self.model is not None:
                self._provenance |= {"model": self.model.describe()}
                self.model.close()
                self.store.update_provenance(self.run_id, self._provenance)
            self.store.end_run(self.run_id, status)

    @property
    def _source(self) -> str:
        return f"run {self.scored_from!r}" if self.scored_from else ""

    def _known_completions(self) -> list[StoredCompletion]:
        return [
            StoredCompletion(task.id, int(sample), prompt_sha256(task.prompt), self._keys[int(sample)], completion)
            for task in self.suite.tasks
            for sample, completion in self.known.get(task.id, {}).items()
        ]

    def _seen(self, digest: str, tokens: int) -> None:
        for task in self._by_prompt.get(digest, ())[:1]:
            self.watch(task, tokens)

    def _wanted(self, digest: str, sample: int) -> bool:
        tasks = self._by_prompt.get(digest, ())
        return any(str(sample) not in self.known.get(task.id, {}) for task in tasks)

    def _kept(self, prompt: Prompt, sample: int, completion: Completion) -> None:
        """Store an answer under every task that asks exactly this, before anything is judged."""
        digest, key = prompt_sha256(prompt), self._keys[sample]
        for task in self._by_prompt.get(digest, ()):
            if self.store is not None:
                self.store.save_completion(self.run_id, task.id, sample, digest, key, completion.to_dict())


def _resolve_model(settings: Settings, tell: Tell) -> BatchModel:
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
        together=settings["samples"] if settings["batch"] else 1,
    )
    kind, _, rest = spec.partition(":")
    if kind not in ("demo", "hf"):
        prefix = "replay:" if kind == "replay" else ""
        spec = f"{prefix}{settings.root / Path(rest if prefix else spec).expanduser()}"
    return resolve_model(spec, cache_dir=settings.cache_folder, load=load, tell=tell)


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
