"""Natural findings as questions: what a pattern matcher suspects in a function as it stands is confirmed, or is not.

Nothing is planted, so nobody knows whether a finding is right. An exploit that works confirms it. Anything else says
nothing about it, and nothing about the model: these questions are in no rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_cereval.categories.audit.alone import try_alone
from pytest_cereval.categories.audit.answer import Answer, answer_schema, parse_answer
from pytest_cereval.categories.audit.audited import Place, Subject
from pytest_cereval.categories.audit.natural import NaturalFinding, natural_findings
from pytest_cereval.categories.audit.planting import bases
from pytest_cereval.categories.audit.prompt import security_audit_prompt
from pytest_cereval.categories.category import Questions, Room, World
from pytest_cereval.oracles.candidate import NoAnswer
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.results.band import Band
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.tasks.question import Question

_OPEN = "nothing is confirmed by that, and nothing refuted"


class Suspected:
    """See `category.Asked`."""

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """For each function one question for each kind of sink by which a finding in it can be confirmed."""
        if not items:
            return {}
        found = natural_findings(world.setting.checkout, [item.function for item in items])
        return {item.function.name: _questions(world, item, found) for item in items}

    def schema(self) -> dict[str, Any] | None:
        """As for planted weaknesses."""
        return answer_schema()

    def judge(self, room: Room, text: str) -> Judged:
        """Confirmed by an exploit that works, or open."""
        answer = parse_answer(text, room.oracle.function)
        if isinstance(answer, NoAnswer):
            return Judged(Verdict.NO_ANSWER, answer.reason, answer.evidence())
        planted = room.oracle.planted
        evidence: dict[str, Any] = {"natural": True, "findings": planted["findings"], **answer.told()}
        if not answer.vulnerable:
            return Judged(Verdict.UNCONFIRMED, f"reports nothing; {_OPEN}", evidence)
        if not answer.exploit:
            return Judged(Verdict.UNCONFIRMED, f"{answer.problem}; {_OPEN}", evidence)
        return _tried(room, answer, evidence)


def _tried(room: Room, answer: Answer, evidence: dict[str, Any]) -> Judged:
    oracle = room.oracle
    place = Place(room.world, oracle.site_hidden, oracle.function, oracle.planted["entry"], oracle.planted["detector"])
    trial = try_alone(place, Subject(room.original, oracle.function.first_line), answer.exploit)
    told = trial.evidence()
    told["harmless_data_do_the_same"] = told.pop("reaches_the_original")
    evidence["exploit"] = told
    if trial.confirmed:
        codes = ", ".join(dict.fromkeys(each["code"] for each in oracle.planted["findings"]))
        detail = f"confirms {codes}: the exploit reaches {trial.reached}, and harmless data do not"
        return Judged(Verdict.PASS, detail, evidence, answer.exploit)
    if trial.original:
        detail = f"reaches {trial.reached}, as harmless data do or may; {_OPEN}"
    else:
        why = trial.error or "the exploit does not reach the sink"
        detail = " ".join(f"{why}; {_OPEN}".split())[:300]
    return Judged(Verdict.UNCONFIRMED, detail, evidence, answer.exploit)


def _questions(world: World, item: Certified, found: Sequence[NaturalFinding]) -> tuple[Question, ...] | LedgerEntry:
    own = [each for each in found if each.function == item.function.name]
    kinds = list(dict.fromkeys(each.kind for each in own if each.kind))
    recorded = bases(item)
    if not kinds:
        return _refused(item, "none of its kind can be shown by a run" if own else "nothing is suspected in it")
    if not recorded:
        return _refused(item, "no recorded call to make with other arguments")
    asked = []
    for number, kind in enumerate(kinds):
        told = [each.to_dict() for each in own if each.kind == kind]
        known = {"natural": True, "findings": told, "entry": recorded[0].entry, "detector": {"kind": kind}}
        about = {"natural": True, "findings": told}
        prompt = security_audit_prompt(
            world.surroundings.text(item.function.path),
            item.function,
            recorded[0],
            world.surroundings.repository,
            world.prompts.context_tokens,
        )
        asked.append(Question(prompt, Band.STANDARD, f"natural{number + 1}" if number else "natural", about, known))
    return tuple(asked)


def _refused(item: Certified, detail: str) -> LedgerEntry:
    place = item.function
    return LedgerEntry(place.name, place.path, place.def_line, Reason.NO_FINDING, detail, NATURAL)
