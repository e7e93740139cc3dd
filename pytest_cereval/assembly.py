"""Turns a checkout into a suite, step by step: recording, certificates, questions, tasks; each step cached."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_cereval.categories.category import Progress, World
from pytest_cereval.categories.constrained import constrained
from pytest_cereval.categories.registry import BUILT_IN, KNOWN, Registry
from pytest_cereval.categories.remembering import Remembering
from pytest_cereval.errors import SourceError
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.confirm import Judging
from pytest_cereval.oracles.traced import Traced
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.dependence import Dependence
from pytest_cereval.source.files import RULES_VERSION
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.recording import Recording, RecordingBounds, record_calls
from pytest_cereval.source.repository import Checkout
from pytest_cereval.source.scan import Scan, scan
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.certifying import Certifying
from pytest_cereval.tasks.kept import KeptResults
from pytest_cereval.tasks.outcomes import what_judges
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.quotas import Quotas
from pytest_cereval.tasks.reuse import Reuse
from pytest_cereval.tasks.select import batch_from, requirement_of, selection_order
from pytest_cereval.tasks.sight import looked_at
from pytest_cereval.tasks.suite import Suite, TaskOracle
from pytest_cereval.tasks.task import Size, Task, rank, task_id

_BATCH = 12


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What shapes a suite.

    `limit` is the number of tasks, 0 for all. `hint` is `none`, or `symptom` where questions about faults show a
    failing call; `faults` bounds how many are asked about one function; `constrained` keeps answers with parts to a
    JSON schema. `registry` knows the categories. `workers` changes speed only.
    """

    limit: int = 0
    categories: tuple[str, ...] = KNOWN
    hint: str = "none"
    faults: int = 1
    constrained: bool = False
    prompt: PromptSettings = field(default_factory=PromptSettings)
    bounds: RecordingBounds = field(default_factory=RecordingBounds)
    registry: Registry = BUILT_IN
    workers: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))

    def to_dict(self) -> dict[str, Any]:
        """The part that changes results."""
        return {
            "limit": self.limit,
            "categories": [str(category) for category in self.categories],
            "hint": self.hint,
            "faults": self.faults,
            "constrained": self.constrained,
            "context_tokens": self.prompt.context_tokens,
            "bounds": asdict(self.bounds),
            **self.registry.told(),
        }


class Assembly:
    """One build: the steps share the checkout, the sandbox and the cache.

    `folder` holds what this commit yielded, `basis` is what all results depend on beside the commit. With `fresh`
    nothing that was kept is used. `reused` are, after `suite`, the commits from which outcomes were taken, by name.
    """

    def __init__(
        self,
        files: Checkout,
        settings: BuildSettings,
        *,
        interpreter: Interpreter,
        sandbox: Sandbox,
        cache_folder: Path,
        folder: Path,
        basis: Mapping[str, Any],
        progress: Progress,
        fresh: bool = False,
    ) -> None:
        self.files = files
        self.settings = settings
        self.interpreter = interpreter
        self.sandbox = sandbox
        self.cache_folder = cache_folder
        self.folder = folder
        self.basis = basis
        self.progress = progress
        self.fresh = fresh
        self.reused: dict[str, str] = {}

    def suite(self) -> Suite:
        """All steps, in order."""
        found = scan(self.files.runtime)
        if not found.functions:
            raise SourceError(
                f"{self.files.revision.name} at {self.files.revision.short} has no function to evaluate",
                next_step="point --cereval-repo at a repository with Python files outside its tests",
            )
        recording = self._recording(found)
        dependence = Dependence(self.files.runtime)
        setting = Setting(
            checkout=self.files,
            sandbox=self.sandbox,
            interpreter=self.interpreter,
            import_roots=frozenset(function.import_root for function in found.eligible),
            modules=recording.modules,
            **looked_at(self.files.full, found),
            traced=Traced(dependence.functions),
        )
        results = KeptResults(self.cache_folder / "functions", fresh=self.fresh)
        reuse = Reuse(setting, found.eligible, recording, dependence, results, self.basis)
        certifying = self._certifying(found, setting, recording, reuse)
        remembering = Remembering(self.settings.registry, self.folder, reuse, dependence, fresh=self.fresh)
        chosen, ledger = self._choose(found, certifying, remembering)
        judging = certifying.judging()
        tasks = [self._task(*picked, judging) for picked in chosen]
        entries = [*found.ledger, *ledger]
        self.reused = dict(sorted(reuse.certificates.items()))
        return Suite(
            revision=self.files.revision,
            rules_version=RULES_VERSION,
            functions=len(found.functions),
            settings=self.settings.to_dict(),
            tests=recording.tests.to_dict(),
            tasks=tuple(sorted(tasks, key=lambda task: (rank(task.category), task.name))),
            ledger=tuple(sorted(entries, key=lambda entry: (entry.path, entry.line, entry.function, entry.category))),
        )

    def _certifying(self, found: Scan, setting: Setting, recording: Recording, reuse: Reuse) -> Certifying:
        return Certifying(
            setting,
            recording,
            self.folder,
            found.eligible,
            found.packages,
            reuse,
            workers=self.settings.workers,
            progress=self.progress,
            fresh=self.fresh,
        )

    def _recording(self, found: Scan) -> Recording:
        file = self.folder / "recording.json"
        known = None if self.fresh else cache.load(file)
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
        self, found: Scan, certifying: Certifying, remembering: Remembering
    ) -> tuple[list[tuple[Certified, str, Question]], list[LedgerEntry]]:
        """Certify and ask in selection order until every category has enough; the rest is on the ledger."""
        order = selection_order(found.eligible)
        quotas = Quotas(self.settings.limit, self.settings.categories)
        position = 0
        while position < len(order) and quotas.open:
            size = max(_BATCH, 2 * quotas.missing) if self.settings.limit else len(order)
            batch = batch_from(order[position:], certifying.recording.calls.keys(), size)
            outcomes = certifying.outcomes(batch)
            certified = [item for item in outcomes.values() if isinstance(item, Certified)]
            world = self._world(found, certifying)
            questions = {each: remembering.questions(each, world, certified) for each in quotas.open}
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

    def _world(self, found: Scan, certifying: Certifying) -> World:
        """Where questions are made, by what is known of the reference so far."""
        return World(
            judging=certifying.judging(),
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

    def _form(self, category: str, told: tuple[Question, ...] | LedgerEntry) -> tuple[Question, ...] | LedgerEntry:
        """The questions in the form in which they are asked."""
        if isinstance(told, LedgerEntry) or not self.settings.constrained:
            return told
        return tuple(constrained(question, self.settings.registry.asked(category).schema()) for question in told)

    def _task(self, item: Certified, category: str, question: Question, judging: Judging) -> Task:
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


def _not_selected(function: SourceFunction) -> LedgerEntry:
    return LedgerEntry(function.name, function.path, function.def_line, Reason.NOT_SELECTED)
