"""Turns a checkout into a suite, step by step: recording, certificates, questions, tasks; each step cached."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_cereval.categories.category import Progress, Questions, World
from pytest_cereval.categories.constrained import constrained
from pytest_cereval.categories.registry import KNOWN, asked
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
from pytest_cereval.source.repository import Checkout
from pytest_cereval.source.scan import Scan, scan
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.outcomes import certified_dict, outcome_from, questions_dict, questions_from, what_judges
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.quotas import Quotas
from pytest_cereval.tasks.select import requirement_of, selection_order
from pytest_cereval.tasks.sight import looked_at, site_hidden
from pytest_cereval.tasks.suite import Suite, TaskOracle
from pytest_cereval.tasks.task import Category, Size, Task, task_id

_BATCH = 12


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What shapes a suite.

    `limit` is the number of tasks, 0 for all. `hint` is `none`, or `symptom` where questions about faults show a
    failing call; `faults` bounds how many are asked about one function; `constrained` keeps answers with parts to a
    JSON schema. `workers` changes speed only.
    """

    limit: int = 0
    categories: tuple[Category, ...] = KNOWN
    hint: str = "none"
    faults: int = 1
    constrained: bool = False
    prompt: PromptSettings = field(default_factory=PromptSettings)
    bounds: RecordingBounds = field(default_factory=RecordingBounds)
    workers: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))

    def to_dict(self) -> dict[str, Any]:
        """The part that changes results."""
        return {
            "limit": self.limit,
            "categories": [category.value for category in self.categories],
            "hint": self.hint,
            "faults": self.faults,
            "constrained": self.constrained,
            "context_tokens": self.prompt.context_tokens,
            "bounds": asdict(self.bounds),
        }


class Assembly:
    """One build: the steps share the checkout, the sandbox and the cache; `folder` holds what this commit yielded."""

    def __init__(
        self,
        files: Checkout,
        settings: BuildSettings,
        *,
        interpreter: Interpreter,
        sandbox: Sandbox,
        cache_folder: Path,
        folder: Path,
        progress: Progress,
    ) -> None:
        self.files = files
        self.settings = settings
        self.interpreter = interpreter
        self.sandbox = sandbox
        self.cache_folder = cache_folder
        self.folder = folder
        self.progress = progress
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
        chosen, ledger = self._choose(setting, found, recording)
        judging = self._judging(setting)
        tasks = [self._task(*picked, judging) for picked in chosen]
        places = {category: place for place, category in enumerate(Category)}
        entries = [*found.ledger, *ledger]
        return Suite(
            revision=self.files.revision,
            rules_version=RULES_VERSION,
            functions=len(found.functions),
            settings=self.settings.to_dict(),
            tests=recording.tests.to_dict(),
            tasks=tuple(sorted(tasks, key=lambda task: (places[task.category], task.name))),
            ledger=tuple(sorted(entries, key=lambda entry: (entry.path, entry.line, entry.function, entry.category))),
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

    def _choose(
        self, setting: Setting, found: Scan, recording: Recording
    ) -> tuple[list[tuple[Certified, Category, Question]], list[LedgerEntry]]:
        """Certify and ask in selection order until every category has enough; the rest is on the ledger."""
        order = selection_order(found.eligible)
        quotas = Quotas(self.settings.limit, self.settings.categories)
        position = 0
        while position < len(order) and quotas.open:
            size = max(_BATCH, 2 * quotas.missing) if self.settings.limit else len(order)
            batch = order[position : position + size]
            outcomes = self._outcomes(setting, batch, recording)
            certified = [item for item in outcomes.values() if isinstance(item, Certified)]
            questions = {each: self._questions(each, setting, found, certified) for each in quotas.open}
            for function in batch:
                if not quotas.open:
                    break
                position += 1
                outcome = outcomes[function.name]
                if isinstance(outcome, LedgerEntry):
                    quotas.refuse(outcome)
                else:
                    offered = {each: self._form(each, told[function.name]) for each, told in questions.items()}
                    quotas.take(outcome, offered)
        return quotas.chosen(), [*quotas.ledger(), *map(_not_selected, order[position:])]

    def _questions(self, category: Category, setting: Setting, found: Scan, items: Sequence[Certified]) -> Questions:
        """What a category asks about each function, from the cache where it is known."""
        world = World(
            judging=self._judging(setting),
            surroundings=Surroundings(
                repository=self.files.revision.name,
                tree=self.files.runtime,
                functions={(other.module, other.qualname): other for other in found.functions},
            ),
            prompts=self.settings.prompt,
            workers=self.settings.workers,
            progress=self.progress,
            hint=self.settings.hint,
            per_function=self.settings.faults,
        )
        shaped_by = {"category": category, "hint": world.hint, "faults": world.per_function}
        files = {
            item.function.name: self.folder
            / "asked"
            / f"{cache.cache_key(name=item.function.name, context=world.prompts.context_tokens, **shaped_by)}.json"
            for item in items
        }
        known = {name: questions_from(data) for name, file in files.items() if (data := cache.load(file)) is not None}
        fresh = asked(category).questions(world, [item for item in items if item.function.name not in known])
        for name, told in fresh.items():
            if not _is_ours(told):
                cache.save(files[name], questions_dict(told))
        return {**known, **fresh}

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
            if _is_ours(entry):
                continue
            file = self.folder / f"{cache.cache_key(name=entry.function)}.json"
            cache.save(file, {"ledger": entry.to_dict(), **common})

    def _outcome_file(self, function: SourceFunction) -> Path:
        return self.folder / f"{cache.cache_key(name=function.name)}.json"

    def _form(self, category: Category, told: tuple[Question, ...] | LedgerEntry) -> tuple[Question, ...] | LedgerEntry:
        """The questions in the form in which they are asked."""
        if isinstance(told, LedgerEntry) or not self.settings.constrained:
            return told
        return tuple(constrained(question, asked(category).schema()) for question in told)

    def _task(self, item: Certified, category: Category, question: Question, judging: Judging) -> Task:
        function, setting = item.function, judging.setting
        inputs = what_judges(item, self.files.full)
        identity = [
            RULES_VERSION,
            category,
            function.to_dict(),
            question.prompt.system,
            question.prompt.user,
            question.prompt.schema,
            decisive(question.planted),
            inputs,
            item.certificate.equality.to_dict(),
            setting.view,
            setting.target(function),
            sorted(setting.import_roots),
            item.tests.to_dict() if item.tests else None,
        ]
        task = Task(
            id=task_id(*identity),
            name=f"{function.name}[{question.label}]" if question.label else function.name,
            function=function.name,
            category=category,
            path=function.path,
            definition_line=function.def_line,
            requirement=requirement_of(function),
            size=Size.of(function.statements),
            band=question.band,
            about=question.about,
            control=question.control,
            prompt=question.prompt,
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
            category=category,
            planted=question.planted,
            events=item.events,
        )
        oracle.save(self.cache_folder, task.id)
        return task


def decisive(planted: Mapping[str, Any]) -> dict[str, Any]:
    """What was planted without pickled calls: their bytes may differ between two recordings of the same call."""
    return {name: value for name, value in planted.items() if not (isinstance(value, dict) and "call" in value)}


def _is_ours(outcome: object) -> bool:
    """Whether it tells of a fault of ours, which the next build may not meet again."""
    return isinstance(outcome, LedgerEntry) and outcome.reason is Reason.INTERNAL


def _not_selected(function: SourceFunction) -> LedgerEntry:
    return LedgerEntry(function.name, function.path, function.def_line, Reason.NOT_SELECTED)
