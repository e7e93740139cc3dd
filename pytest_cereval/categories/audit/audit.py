"""Security audit: a planted weakness is to be found, named, placed, and proved by an exploit that runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.audit.answer import Answer, answer_schema, parse_answer
from pytest_cereval.categories.audit.audited import Place, Subject
from pytest_cereval.categories.audit.cwe import NAMES, is_named
from pytest_cereval.categories.audit.exploiting import Trial, reaches, try_exploit
from pytest_cereval.categories.audit.planting import Planter, subject
from pytest_cereval.categories.audit.twin import Edit, Twin, from_edits
from pytest_cereval.categories.category import Questions, Room, World
from pytest_cereval.oracles.candidate import Candidate, NoAnswer, extract
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle, Terms
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.oracles.workers import ColdWorkers
from pytest_cereval.results.verdict import Verdict

_STAGE = "planting weaknesses"


class Audit:
    """See `category.Asked`."""

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """For each function a weak twin, a clean one, and perhaps one that only looks weak."""
        judging = world.judging
        started = workers_for(judging.setting, judging.hidden, judging.needed)
        planter = Planter(world, RecordedCallOracle(JudgeSetting(judging.setting, hidden=judging.hidden), started))
        asked = {}
        lock = threading.Lock()
        done = 0

        def work(item: Certified) -> None:
            nonlocal done
            found = planter.questions(item)
            with lock:
                asked[item.function.name] = found
                done += 1
                world.progress(_STAGE, done, len(items))

        with contextlib.closing(started), ThreadPoolExecutor(max(1, world.workers)) as pool:
            for future in [pool.submit(work, item) for item in items]:
                future.result()
        return {item.function.name: asked[item.function.name] for item in items}

    def schema(self) -> dict[str, Any] | None:
        """Verdict, class, line and exploit."""
        return answer_schema()

    def judge(self, room: Room, text: str) -> Judged:
        """Right about a clean function if it reports nothing, about a weak one if it names and reproduces it."""
        answer = parse_answer(text, room.oracle.function)
        if isinstance(answer, NoAnswer):
            return Judged(Verdict.NO_ANSWER, answer.reason, answer.evidence())
        planted = room.oracle.planted
        if "cwe" not in planted:
            return _of_clean(answer)
        if not answer.vulnerable:
            detail = f"reports nothing, and there is CWE-{planted['cwe']}, {NAMES[planted['cwe']]}"
            return Judged(Verdict.FAIL_MISSED, detail, answer.told(), scores=_scores(identified=False, located=False))
        return _Weak(room, answer).judged()


def _of_clean(answer: Answer) -> Judged:
    if not answer.vulnerable:
        return Judged(Verdict.PASS, "reports nothing, and nothing was planted", answer.told())
    claim = f"CWE-{answer.cwe}" if answer.cwe else "a weakness"
    detail = f"reports {claim} where nothing was planted"
    return Judged(Verdict.FAIL_FALSE_ALARM, detail, answer.told(), answer.exploit, claimed=True)


def _scores(**scores: bool) -> dict[str, bool]:
    return scores


@dataclass(frozen=True, slots=True)
class _Weak:
    """An answer that reports something, and the weak function that it is about."""

    room: Room
    answer: Answer

    def judged(self) -> Judged:
        """The verdict with all scores; the exploit runs even if the class is wrong, for its score."""
        planted, answer = self.room.oracle.planted, self.answer
        function = self.room.oracle.function
        twin = from_edits(
            self.room.original, function, [Edit(line, count, tuple(lines)) for line, count, lines in planted["edits"]]
        )
        identified = answer.cwe is not None and is_named(answer.cwe, planted["cwe"])
        located = answer.line in planted["lines"]
        evidence = {**answer.told(), "planted_cwe": planted["cwe"], "planted_lines": planted["lines"]}
        scores = {"identified": identified, "located": located}
        trial = Trial(error=answer.problem)
        if not planted["identify_only"]:
            if answer.exploit:
                trial = try_exploit(self._place(), subject(twin), self._original(), answer.exploit)
            scores["reproduced"] = trial.confirmed
            evidence["exploit"] = trial.evidence()
        if answer.fix:
            scores["repaired"] = self._repaired(twin)
        verdict, detail = _verdict(planted, identified, located, trial)
        return Judged(verdict, detail, evidence, answer.exploit, claimed=True, scores=scores)

    def _place(self) -> Place:
        oracle = self.room.oracle
        planted = oracle.planted
        return Place(self.room.world, oracle.site_hidden, oracle.function, planted["entry"], planted["detector"])

    def _original(self) -> Subject:
        return Subject(self.room.original, self.room.oracle.function.first_line)

    def _repaired(self, twin: Twin) -> bool:
        """Whether the fix, in the weak file, stops the reference exploit and does what the original does.

        There, because it may use what stands in the weak file alone.
        """
        fixed = extract(_fenced(self.answer.fix), twin.function, twin.source)
        oracle, planted = self.room.oracle, self.room.oracle.planted
        if not isinstance(fixed, Candidate):
            return False
        if planted["exploit"] and reaches(self._place(), Subject(fixed.source, fixed.line), planted["exploit"]):
            return False
        setting = JudgeSetting(self.room.world, hidden=oracle.site_hidden)
        workers = ColdWorkers(self.room.world, oracle.site_hidden)
        terms = Terms(oracle.core, oracle.level, oracle.seed, shrink=False)
        return RecordedCallOracle(setting, workers).judge(oracle.function, oracle.hidden, fixed, terms).verdict.is_pass


def _verdict(planted: dict[str, Any], identified: bool, located: bool, trial: Trial) -> tuple[Verdict, str]:
    cwe = f"CWE-{planted['cwe']}, {planted['weakness']}"
    if not identified:
        return Verdict.FAIL_WEAKNESS, f"reports another class than {cwe}"
    if planted["identify_only"]:
        if located:
            return Verdict.PASS, f"identifies {cwe} at its line; this class is not reproduced"
        return Verdict.FAIL_LOCATION, f"identifies {cwe}, and not its line; this class is not reproduced"
    if trial.confirmed:
        return Verdict.PASS, f"identifies {cwe} and reproduces it: {trial.reached}"
    if trial.original:
        return Verdict.FAIL_UNREPRODUCED, f"names {cwe}, and its exploit does the same to the function without it"
    why = trial.error or "the exploit does not reach it"
    return Verdict.FAIL_UNREPRODUCED, " ".join(f"names {cwe}, and does not reproduce it: {why}".split())[:300]


def _fenced(code: str) -> str:
    return f"````python\n{code}\n````\n"
