"""Turns a repository specification into a suite: checkout, recording, certification, prompts; all of it cached."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

import pytest_cereval
from pytest_cereval.errors import SourceError
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.certify import Certification, certify_all
from pytest_cereval.oracles.confirm import Judging, confirm
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.files import RULES_VERSION
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.recording import Recording, RecordingBounds, record_calls
from pytest_cereval.source.repository import Checkout, Revision, checkout, resolve
from pytest_cereval.source.scan import Scan, scan
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.outcomes import certified_dict, outcome_from, what_judges
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings, code_generation_prompt
from pytest_cereval.tasks.select import requirement_of, selection_order
from pytest_cereval.tasks.sight import looked_at, site_hidden
from pytest_cereval.tasks.suite import Suite, TaskOracle, oracle_file
from pytest_cereval.tasks.task import Category, Size, Task, task_id

Progress = Callable[[str, int, int], None]
_BATCH = 12


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What shapes a suite. `limit` is the number of tasks, 0 for all; `workers` changes speed only."""

    limit: int = 0
    prompt: PromptSettings = field(default_factory=PromptSettings)
    bounds: RecordingBounds = field(default_factory=RecordingBounds)
    workers: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))

    def to_dict(self) -> dict[str, Any]:
        """The part that changes results."""
        return {
            "limit": self.limit,
            "context_tokens": self.prompt.context_tokens,
            "bounds": asdict(self.bounds),
        }


@dataclass(frozen=True, slots=True)
class Built:
    """A suite with what the judge needs beside it."""

    suite: Suite
    checkout: Checkout
    cached: bool


def build_suite(
    spec: str,
    settings: BuildSettings,
    *,
    interpreter: Interpreter,
    sandbox: Callable[[], Sandbox],
    cache_folder: Path,
    progress: Progress,
) -> Built:
    """Build, or load from the cache, the suite of `PATH[@REV]`.

    `sandbox` is called only if something must be run. Raises `SourceError` for a repository that cannot be used, and
    `SandboxError` or `StoreError` for faults of ours.
    """
    revision = resolve(spec)
    files = checkout(spec, revision, cache_folder)
    basis = {"tree": revision.tree_hash, "rules": RULES_VERSION, "code": _code(), "lock": _lock(interpreter)}
    file = cache_folder / "suites" / f"{cache.cache_key(**basis, settings=settings.to_dict(), name=revision.name)}.json"
    with FileLock(_lock_file(cache_folder, revision)):
        found = _cached(file, revision, cache_folder)
        if found is not None:
            return Built(found, files, cached=True)
        suite = _Build(files, settings, interpreter, sandbox(), cache_folder, basis, progress).suite()
        cache.save(file, suite.to_dict())
    return Built(suite, files, cached=False)


def _lock_file(cache_folder: Path, revision: Revision) -> Path:
    cache_folder.mkdir(parents=True, exist_ok=True)
    return cache_folder / f"build-{revision.short}.lock"


def _cached(file: Path, revision: Revision, cache_folder: Path) -> Suite | None:
    data = cache.load(file)
    if data is None:
        return None
    try:
        suite = Suite.from_dict(data | {"revision": revision.to_dict()})
    except (ValueError, KeyError, TypeError):
        return None
    complete = all(oracle_file(cache_folder, task.id).exists() for task in suite.tasks)
    return suite if complete else None


@functools.cache
def _code() -> str:
    """A digest of the modules that make suites, so that no cache outlives the code that filled it."""
    package = Path(pytest_cereval.__file__).parent
    files = sorted(
        file for name in ("source", "inside", "oracles", "tasks") for file in (package / name).rglob("*.[pj]*")
    )
    texts = [file.read_bytes() for file in files if file.suffix in (".py", ".j2")]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _lock(interpreter: Interpreter) -> str:
    """A digest of the interpreter, of what is installed beside it, and of what draws examples here."""
    names = sorted(
        f"{item.name}=={item.version}" for item in importlib.metadata.distributions(path=list(interpreter.site))
    )
    drawn_by = importlib.metadata.version("hypothesis")
    return cache.cache_key(
        executable=interpreter.executable, version=interpreter.version, installed=names, drawn_by=drawn_by
    )


class _Build:
    """One build: the steps share the checkout, the sandbox and the cache."""

    def __init__(
        self,
        files: Checkout,
        settings: BuildSettings,
        interpreter: Interpreter,
        sandbox: Sandbox,
        cache_folder: Path,
        basis: dict[str, Any],
        progress: Progress,
    ) -> None:
        self.files = files
        self.settings = settings
        self.interpreter = interpreter
        self.sandbox = sandbox
        self.cache_folder = cache_folder
        self.progress = progress
        self.folder = cache_folder / "certified" / cache.cache_key(**basis, bounds=asdict(settings.bounds))
        self.loaded: frozenset[str] = frozenset()
        self.needed: frozenset[str] = frozenset()
        self.packages: frozenset[str] = frozenset()

    def suite(self) -> Suite:
        """All steps, in order."""
        found = scan(self.files.runtime)
        self.packages = found.packages
        if not found.functions:
            raise SourceError(
                f"{self.files.revision.name} at {self.files.revision.short} has no function to evaluate",
                next_step="point --cereval-repo at a repository with Python files outside its tests",
            )
        recording = self._recording(found)
        setting = Setting(
            checkout=self.files,
            sandbox=self.sandbox,
            interpreter=self.interpreter,
            import_roots=frozenset(function.import_root for function in found.eligible),
            modules=recording.modules,
            **looked_at(self.files.full, found),
        )
        certified, ledger = self._certify(setting, found, recording)
        judging = self._judging(setting)
        tasks = tuple(sorted((self._task(item, found, judging) for item in certified), key=lambda task: task.name))
        entries = sorted([*found.ledger, *ledger], key=lambda entry: (entry.path, entry.line, entry.function))
        return Suite(
            revision=self.files.revision,
            rules_version=RULES_VERSION,
            functions=len(found.functions),
            settings=self.settings.to_dict(),
            tests=recording.tests.to_dict(),
            tasks=tasks,
            ledger=tuple(entries),
        )

    def _recording(self, found: Scan) -> Recording:
        file = self.folder / "recording.json"
        known = cache.load(file)
        if known is not None:
            return Recording.from_dict(known)
        self.progress("recording calls from the repository's tests", 0, 0)
        recording = record_calls(
            self.files,
            found.eligible,
            sandbox=self.sandbox,
            interpreter=self.interpreter,
            bounds=self.settings.bounds,
        )
        cache.save(file, recording.to_dict())
        return recording

    def _certify(
        self, setting: Setting, found: Scan, recording: Recording
    ) -> tuple[list[Certified], list[LedgerEntry]]:
        """Certify in selection order until the limit is reached; the rest is on the ledger as not selected."""
        order = selection_order(found.eligible)
        wanted = self.settings.limit or len(order)
        certified: list[Certified] = []
        ledger: list[LedgerEntry] = []
        position = 0
        while position < len(order) and len(certified) < wanted:
            size = max(_BATCH, 2 * (wanted - len(certified))) if self.settings.limit else len(order)
            batch = order[position : position + size]
            outcomes = self._outcomes(setting, batch, recording)
            for function in batch:
                if len(certified) == wanted:
                    break
                position += 1
                outcome = outcomes[function.name]
                if isinstance(outcome, LedgerEntry):
                    ledger.append(outcome)
                else:
                    certified.append(outcome)
        ledger += [
            LedgerEntry(function.name, function.path, function.def_line, Reason.NOT_SELECTED)
            for function in order[position:]
        ]
        return certified, ledger

    def _outcomes(
        self, setting: Setting, batch: Sequence[SourceFunction], recording: Recording
    ) -> dict[str, Certified | LedgerEntry]:
        """The batch's certificates or reasons, from the cache where they are known."""
        outcomes: dict[str, Certified | LedgerEntry] = {}
        for function in batch:
            data = cache.load(self._outcome_file(function))
            if data is not None:
                outcomes[function.name] = outcome_from(data)
                self.loaded |= frozenset(data["loaded"])
                self.needed |= frozenset(data["needed"])
        unknown = [function for function in batch if function.name not in outcomes]
        if unknown:
            fresh = certify_all(setting, unknown, recording, workers=self.settings.workers, progress=self.progress)
            fresh = self._confirmed(setting, fresh)
            self._remember(fresh)
            outcomes |= {item.function.name: item for item in fresh.certified}
            outcomes |= {entry.function: entry for entry in fresh.ledger}
        return outcomes

    def _confirmed(self, setting: Setting, fresh: Certification) -> Certification:
        """Without what the judge would not pass in the reference's own words; that goes on the ledger."""
        self.loaded |= fresh.loaded_files
        self.needed |= fresh.needed
        judged = confirm(self._judging(setting), fresh.certified, workers=self.settings.workers, progress=self.progress)
        passed = tuple(item for item in judged if isinstance(item, Certified))
        failed = tuple(item for item in judged if isinstance(item, LedgerEntry))
        return replace(fresh, certified=passed, ledger=(*fresh.ledger, *failed))

    def _judging(self, setting: Setting) -> Judging:
        """How answers are judged, by what is known of the reference so far."""
        hidden = site_hidden(self.interpreter, self.packages, self.loaded)
        return Judging(setting, hidden, tuple(sorted(self.needed)))

    def _remember(self, fresh: Certification) -> None:
        common = {"loaded": sorted(fresh.loaded_files), "needed": sorted(fresh.needed)}
        for item in fresh.certified:
            cache.save(self._outcome_file(item.function), {"certified": certified_dict(item), **common})
        for entry in fresh.ledger:
            file = self.folder / f"{cache.cache_key(name=entry.function)}.json"
            cache.save(file, {"ledger": entry.to_dict(), **common})

    def _outcome_file(self, function: SourceFunction) -> Path:
        return self.folder / f"{cache.cache_key(name=function.name)}.json"

    def _task(self, item: Certified, found: Scan, judging: Judging) -> Task:
        function, setting = item.function, judging.setting
        surroundings = Surroundings(
            repository=self.files.revision.name,
            tree=self.files.runtime,
            functions={(other.module, other.qualname): other for other in found.functions},
        )
        prompt = code_generation_prompt(function, item.visible, surroundings, self.settings.prompt)
        inputs = what_judges(item, self.files.full)
        identity = [
            RULES_VERSION,
            Category.CODE_GENERATION,
            function.to_dict(),
            prompt.system,
            prompt.user,
            inputs,
            item.certificate.equality.to_dict(),
            setting.view,
            setting.target(function),
            sorted(setting.import_roots),
            item.tests.to_dict() if item.tests else None,
        ]
        task = Task(
            id=task_id(*identity),
            name=function.name,
            category=Category.CODE_GENERATION,
            path=function.path,
            definition_line=function.def_line,
            requirement=requirement_of(function),
            size=Size.of(function.statements),
            prompt=prompt,
            inputs=inputs,
            certificate=item.certificate,
        )
        oracle = TaskOracle(
            function=function,
            module=setting.modules.get(function.name) or function.module,
            import_roots=setting.import_roots,
            hidden=item.hidden,
            core=item.core,
            tests=item.tests,
            level=item.certificate.equality,
            seed=item.certificate.seed,
            view=setting.view,
            needed=judging.needed,
            site_hidden=judging.hidden,
        )
        oracle.save(self.cache_folder, task.id)
        return task
