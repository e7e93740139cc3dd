"""Code generation: a function's body is asked for, and must do what the reference does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_cereval.categories.category import Questions, Room, World
from pytest_cereval.categories.stated import PLANTED, Place, Stated
from pytest_cereval.errors import ExtensionError
from pytest_cereval.oracles.candidate import Candidate, extract
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.results.band import Band
from pytest_cereval.results.failure import CONSTRAINTS
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.syntax import source_text
from pytest_cereval.tasks.prompt import code_generation_prompt
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.select import requirement_of
from pytest_cereval.tasks.task import Category, Requirement, Size

_BANDS = {
    (Requirement.DOCUMENTED, Size.SMALL): Band.TRIVIAL,
    (Requirement.DOCUMENTED, Size.MEDIUM): Band.STANDARD,
    (Requirement.DOCUMENTED, Size.LARGE): Band.HARD,
    (Requirement.INFERRED, Size.SMALL): Band.STANDARD,
    (Requirement.INFERRED, Size.MEDIUM): Band.HARD,
    (Requirement.INFERRED, Size.LARGE): Band.ADVERSARIAL,
}
"""By construction: how much is to be written, and whether an author said what it must do."""
_STAGE = "showing properties"


@dataclass(frozen=True, slots=True)
class Generation:
    """See `category.Asked`. `stated` are demands of a `conftest.py` on answers."""

    stated: tuple[Stated, ...] = ()

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """One question for each function; none where a property that is demanded of it cannot be shown."""
        asked: dict[str, tuple[Question, ...] | LedgerEntry] = {}
        with _started(world, bool(self.stated and items)) as workers:
            for number, item in enumerate(items, 1):
                prompt = code_generation_prompt(item.function, item.visible, world.surroundings, world.prompts)
                band = _BANDS[requirement_of(item.function), Size.of(item.function.statements)]
                question = Question(prompt, band)
                asked[item.function.name] = (question,)
                if workers is not None:
                    asked[item.function.name] = self._demanding(question, item, world, workers)
                    world.progress(_STAGE, number, len(items))
        return asked

    def schema(self) -> dict[str, Any] | None:
        """None: an answer is code alone."""
        return None

    def judge(self, room: Room, text: str) -> Judged:
        """Right if it behaves and keeps the constraints that the question states."""
        judged = room.behaves(text)
        if not judged.verdict.is_pass:
            return judged
        broken = list(judged.evidence.get(CONSTRAINTS) or ())
        if not broken and PLANTED in room.oracle.planted:
            judged = self._held(room, text, judged)
            broken = list(judged.evidence.get(CONSTRAINTS) or ())
        if judged.verdict.is_pass and broken:
            detail = f"{Verdict.FAIL_UNSAFE.meaning}: {'; '.join(broken)}"
            return replace(judged, verdict=Verdict.FAIL_UNSAFE, detail=detail)
        return judged

    def _demanding(
        self, question: Question, item: Certified, world: World, workers: Workers
    ) -> tuple[Question, ...] | LedgerEntry:
        """The question with the properties that apply, each shown first."""
        function, setting = item.function, world.setting
        original = source_text(setting.checkout.runtime / function.path)
        place = Place(workers, setting, function, item.hidden, original)
        planted = []
        for stated in self.stated:
            if not stated.applies(function):
                continue
            calls = stated.calls(place)
            why = stated.unproved(place, calls)
            if why:
                detail = f"{stated.identity.name}: {why}"[:300]
                where = (function.name, function.path, function.def_line)
                return LedgerEntry(*where, Reason.UNPROVED, detail, Category.CODE_GENERATION.value)
            planted.append({"identity": stated.identity.to_dict(), "says": stated.says, "calls": calls})
        if not planted:
            return (question,)
        said = "".join(f"\n- {each['says']}" for each in planted)
        prompt = replace(question.prompt, user=question.prompt.user + said)
        about = {PLANTED: [each["identity"] for each in planted]}
        return (replace(question, prompt=prompt, about=about, planted={PLANTED: planted}),)

    def _held(self, room: Room, text: str, judged: Judged) -> Judged:
        """A pass as it stands once each demanded property was tried; raises `ExtensionError` where one is not here."""
        oracle = room.oracle
        candidate = extract(text, oracle.function, room.original)
        assert isinstance(candidate, Candidate)  # noqa: S101 - it has just been judged
        place = Place(room.workers, room.world, oracle.function, oracle.hidden, room.original)
        known = {stated.identity.name: stated for stated in self.stated}
        kept = []
        for demand in oracle.planted[PLANTED]:
            told = demand["identity"]
            stated = known.get(told["name"])
            if stated is None or stated.identity.to_dict() != told:
                raise ExtensionError(
                    f"property {told['name']!r}, version {told['version']!r}, of a conftest.py is not here,"
                    f" and the answer must be held against it",
                    next_step="use pytest in the folder of that conftest.py; `cereval` commands read none",
                )
            found = stated.check(place, candidate, demand["calls"])
            if found.broken:
                return replace(judged, evidence={**judged.evidence, CONSTRAINTS: list(found.broken)})
            if found.stopped:
                detail = f"on calls of property {told['name']}: {found.error or found.stopped.meaning}"
                return replace(judged, verdict=found.stopped, detail=detail)
            kept.append(told["name"])
        return replace(judged, evidence={**judged.evidence, PLANTED: kept})


@contextlib.contextmanager
def _started(world: World, wanted: bool) -> Iterator[Workers | None]:
    """What candidates run in while questions are made, only where something is to be tried."""
    if not wanted:
        yield None
        return
    judging = world.judging
    with contextlib.closing(workers_for(judging.setting, judging.hidden, judging.needed)) as workers:
        yield workers
