"""Code understanding: a bug is planted in a function, and its line and its repair are asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.category import Questions, Room, World
from pytest_cereval.categories.understanding.answer import answer_schema
from pytest_cereval.categories.understanding.asking import Asker, snippet
from pytest_cereval.categories.understanding.editing import differing_lines
from pytest_cereval.categories.understanding.injection import Ground, Injection, inject, splicer
from pytest_cereval.categories.understanding.judging import TOLERANCE, judge
from pytest_cereval.categories.understanding.planted import Planted
from pytest_cereval.categories.understanding.preference import CONTROL_ONE_IN, is_control
from pytest_cereval.errors import CerevalError, OracleError
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.linting import ruff_version
from pytest_cereval.oracles.oracle import Finding, Judged
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle, Terms
from pytest_cereval.oracles.spread import Lost, spread
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.results.band import Band
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.task import Category

SYMPTOM = "symptom"
"""The hint with which a failing call is shown."""
_CLEAN = "clean"


class Understanding:
    """See `category.Asked`."""

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """For each function up to `World.per_function` faults, and for one in `CONTROL_ONE_IN` itself beside them."""
        own = frozenset(function.bare_name for function in world.surroundings.functions.values())
        setting = world.setting
        by_calls = [item for item in items if item.hidden]
        with _judge(world) as judged:
            ground = Ground(setting.checkout, own, setting.interpreter.version, max(1, world.per_function), judged)
            found = spread(
                setting,
                by_calls,
                lambda bench, item: inject(bench, item, ground),
                workers=world.workers,
                effort=lambda item: len(item.function.source) * len(item.hidden),
                done=lambda count: world.progress("inject", count, len(by_calls)),
            )
        injections = {item.function.name: each for item, each in zip(by_calls, found, strict=True)}
        return {item.function.name: _Asked(world, item).about(injections.get(item.function.name)) for item in items}

    def schema(self) -> dict[str, Any] | None:
        """Lines, explanation and function."""
        return answer_schema()

    def judge(self, room: Room, text: str) -> Judged:
        """Right with the line and a function that behaves."""
        return judge(room, text)


@contextlib.contextmanager
def _judge(world: World) -> Iterator[Callable[[Certified, Planted], Finding]]:
    """What the judge says of a faulty function as an answer, in workers like those of answers."""
    judging = world.judging
    with contextlib.closing(workers_for(judging.setting, judging.hidden, judging.needed)) as workers:
        oracle = RecordedCallOracle(JudgeSetting(judging.setting, hidden=judging.hidden), workers)

        def judged(item: Certified, planted: Planted) -> Finding:
            function, certificate = item.function, item.certificate
            source = splicer(judging.setting.checkout, function)(planted.text)
            terms = Terms(item.core, certificate.equality, certificate.seed, shrink=False)
            try:
                return oracle.judge(function, item.hidden, Candidate(source, planted.text, function.first_line), terms)
            except CerevalError as error:  # not the bench's end, as which `spread` would take it
                raise OracleError(error.what, next_step=error.next_step) from error

        yield judged


@dataclass(frozen=True, slots=True)
class _Asked:
    """The questions about one function."""

    world: World
    item: Certified

    def about(self, found: Injection | Lost | None) -> tuple[Question, ...] | LedgerEntry:
        """The faults to ask about, most wanted first, and perhaps the function as it is."""
        if found is None:
            return self._refused(Reason.NO_FAULT, "its calls cannot be replayed, so that no fault can be measured")
        if isinstance(found, Lost):
            return self._refused(Reason.INTERNAL if found.ours else Reason.CRASHED, found.detail)
        if not found.asked:
            return self._refused(Reason.NO_FAULT, found.why_none)
        asker = Asker(self.item.function, self.world)
        asked = [self._question(asker, *each, number) for number, each in enumerate(found.asked)]
        if is_control(self.item.function.name):
            asked.append(self._control(asker))
        shared = {"pool": _summary(found), "controls": f"1 in {CONTROL_ONE_IN} functions"}
        for question in asked:
            question.about.update(shared)
        return tuple(asked)

    def _question(self, asker: Asker, planted: Planted, found: Finding, number: int) -> Question:
        shown = snippet(planted.text)
        hidden = sorted(place for place in planted.exposed if place < len(self.item.hidden))
        # With a single input that shows the fault, to special-case the call that is shown would be a fix.
        hinted = self.world.hint == SYMPTOM and len(hidden) > 1 and found.evidence.get("smallest")
        return Question(
            asker.prompt(shown, found.evidence["smallest"] if hinted else None),
            planted.band,
            label=str(number + 1) if number else "",
            about=_about(planted, self.item.function.source, bool(hinted)),
            planted={
                "shown": shown,
                "control": False,
                "faults": [
                    {"lines": list(lines), "operator": fault.operator.name, "explanation": fault.operator.explanation}
                    for lines, fault in zip(planted.lines, planted.draft.faults, strict=True)
                ],
                "exposed": hidden,
                "tolerance": TOLERANCE,
            },
        )

    def _control(self, asker: Asker) -> Question:
        shown = snippet(self.item.function.source.replace("\r\n", "\n"))
        planted = {"shown": shown, "control": True, "faults": [], "exposed": [], "tolerance": TOLERANCE}
        return Question(asker.prompt(shown), Band.STANDARD, _CLEAN, {"made": "nothing planted"}, planted, control=True)

    def _refused(self, reason: Reason, detail: str) -> LedgerEntry:
        function = self.item.function
        category = Category.CODE_UNDERSTANDING.value
        return LedgerEntry(function.name, function.path, function.def_line, reason, detail[:300], category)


def _about(planted: Planted, source: str, hinted: bool) -> dict[str, Any]:
    return {
        "operators": list(planted.operators),
        "explanations": [fault.operator.explanation for fault in planted.draft.faults],
        "exposed": len(planted.exposed),
        "of_inputs": planted.inputs,
        "share": round(planted.share, 4),
        "distance": [each.value for each in planted.distances],
        "lines_changed": differing_lines(source, planted.text) - bool(planted.draft.defence),
        "made": planted.made,
        "defence": planted.draft.defence,
        "symptom_shown": hinted,
        "tolerance": TOLERANCE,
    }


def _summary(found: Injection) -> dict[str, Any]:
    return {
        "faults": [each.brief() for each in found.pool],
        "dropped": {reason: count for reason, count in sorted(found.dropped.items()) if count},
        "quarantined": list(found.quarantined),
        "ruff": ruff_version(),
    }
