"""Turns certified functions into questions about weaknesses that were planted in them, each proved before it is asked.

A weak twin must do what the function does on all its hidden calls, and the reference exploit must reach its sink and
not that of the original. What looks as bad and is safe must hold against the same exploit.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.audit.audited import Place, Subject
from pytest_cereval.categories.audit.carriers import Carrier, carriers
from pytest_cereval.categories.audit.catalogue import FEATURES
from pytest_cereval.categories.audit.cwe import NAMES
from pytest_cereval.categories.audit.exploiting import reaches, try_exploit
from pytest_cereval.categories.audit.feature import FIXES, Feature
from pytest_cereval.categories.audit.naming import Names
from pytest_cereval.categories.audit.prompt import security_audit_prompt
from pytest_cereval.categories.audit.replacing import replacements
from pytest_cereval.categories.audit.risky import risk_of
from pytest_cereval.categories.audit.twin import Twin, UnfitError, from_edits, planted, taken_names
from pytest_cereval.categories.category import World
from pytest_cereval.errors import OracleError
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.recorded import RecordedCallOracle, Terms
from pytest_cereval.results.band import Band
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.tasks.question import Question
from pytest_cereval.tasks.task import Category

MOST_TRIALS = 12
"""Proposals that are tried for one function before it is given up."""
_BASES = 3
_MOST_OWN = 3
_IDENTIFIED = 4


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something to plant: the weak twin, the one that only looks so, and how the weak one is exploited."""

    cwe: int
    band: Band
    weak: Twin
    safe: Twin
    exploit: str
    detector: dict[str, Any]
    way: str


class Planter:
    """Plants in one function after the other; safe to use from several threads."""

    def __init__(self, world: World, oracle: RecordedCallOracle) -> None:
        self._world = world
        self._oracle = oracle

    def questions(self, item: Certified) -> tuple[Question, ...] | LedgerEntry:
        """Weak ones, a clean twin for each, and where it can be shown one that looks bad and is safe."""
        function = item.function
        risk = risk_of(function)
        if risk:
            return self._refused(item, f"it uses {risk} by itself, which an auditor may well report")
        if not item.hidden:
            return self._refused(item, "tests alone judge it, so no recorded call can be made with other arguments")
        ways = carriers([*item.visible, *item.hidden])
        if not ways:
            return self._refused(item, "no argument by which a text can get in")
        asked: list[Question] = []
        tried = 0
        for proposal in self._proposals(item, ways):
            if len(asked) == self._world.per_function or tried == MOST_TRIALS:
                break
            tried += 1
            base = self._proved(item, proposal)
            if base is not None:
                asked.append(self.weak(item, proposal, base, len(asked)))
                safe = self._safe(item, proposal, base)
        if not asked:
            return self._refused(item, f"none of {tried} plantings could be proved")
        clean = [self._clean(item, question) for question in asked]
        return (*asked, *clean, *([safe] if safe is not None else []))

    def _refused(self, item: Certified, detail: str) -> LedgerEntry:
        place = item.function
        return LedgerEntry(
            place.name, place.path, place.def_line, Reason.NO_WEAKNESS, detail, Category.SECURITY_AUDIT.value
        )

    def _proposals(self, item: Certified, ways: tuple[Carrier, ...]) -> Iterator[Proposal]:
        """Operations of its own first, then features of the catalogue in turn."""
        function = item.function
        original = self._world.surroundings.text(function.path)
        chance = random.Random(hashlib.sha256(function.name.encode()).digest())  # noqa: S311 - variety, not a secret
        own = [*replacements(original, function, ways)]
        chance.shuffle(own)
        for made in own[:_MOST_OWN]:
            try:
                weak, safe = (from_edits(original, function, [edit]) for edit in (made.weak, made.safe))
            except UnfitError:
                continue
            code = exploit_code(made.payload, made.carrier)
            yield Proposal(made.cwe, made.band, weak, safe, code, made.detector, "replaces an operation")
        for feature in _in_turn(chance):
            proposal = self.added(item, feature, ways[0], original)
            if proposal is not None:
                yield proposal

    def added(self, item: Certified, feature: Feature, way: Carrier, original: str) -> Proposal | None:
        """A feature in a function, not proved yet; None where there is no place for it."""
        function = item.function
        seed = f"{function.name} {feature.cwe} {feature.band}"
        package, taken = function.module.partition(".")[0], taken_names(original)
        names = Names(seed, package, taken)
        try:
            weak, safe = (planted(original, function, code, way, names) for code in (feature.weak, feature.safe))
        except UnfitError:
            return None
        detector = {name: _filled(names, value) for name, value in feature.detector.items()}
        code_text = exploit_code(names.filled(feature.payload), way) if feature.payload else ""
        return Proposal(feature.cwe, feature.band, weak, safe, code_text, detector, "adds an operation")

    def _behaves(self, item: Certified, twin: Twin) -> bool:
        candidate = Candidate(twin.source, twin.function.source, twin.function.first_line)
        terms = Terms(item.core, item.certificate.equality, item.certificate.seed, shrink=False)
        return self._oracle.judge(item.function, item.hidden, candidate, terms).verdict.is_pass

    def _place(self, item: Certified, proposal: Proposal, base: Input) -> Place:
        judging = self._world.judging
        return Place(judging.setting, judging.hidden, item.function, base.entry, proposal.detector)

    def _proved(self, item: Certified, proposal: Proposal) -> Input | None:
        """The recorded call whose arguments the exploit replaces, if all that is needed could be shown."""
        if not self._behaves(item, proposal.weak):
            return None
        for base in bases(item):
            if not proposal.exploit:
                return base
            if self._is_confirmed(item, proposal, base):
                return base
        return None

    def _is_confirmed(self, item: Certified, proposal: Proposal, base: Input) -> bool:
        place = self._place(item, proposal, base)
        try:
            trial = try_exploit(place, subject(proposal.weak), self._original(item), proposal.exploit)
        except OracleError:  # a twin that only loads elsewhere is none to ask about
            return False
        return trial.confirmed

    def _original(self, item: Certified) -> Subject:
        return Subject(self._world.surroundings.text(item.function.path), item.function.first_line)

    def weak(self, item: Certified, proposal: Proposal, base: Input, number: int) -> Question:
        """The question about a proved weakness, the `number`-th about its function."""
        told = {
            "cwe": proposal.cwe,
            "weakness": NAMES[proposal.cwe],
            "fix": FIXES[proposal.cwe],
            "lines": list(proposal.weak.sink),
            "identify_only": not proposal.exploit,
            "planted": proposal.way,
        }
        known = {
            **told,
            "edits": [edit.to_list() for edit in proposal.weak.edits],
            "entry": base.entry,
            "detector": proposal.detector,
            "exploit": proposal.exploit,
        }
        label = f"weak{number + 1}" if number else "weak"
        prompt = self._prompt(item, proposal.weak.source, proposal.weak, base)
        return Question(prompt, proposal.band, label, told, known)

    def _prompt(self, item: Certified, source: str, twin: Twin | None, base: Input) -> Any:
        around = self._world.surroundings
        function = twin.function if twin else item.function
        budget = self._world.prompts.context_tokens
        return security_audit_prompt(source, function, base, around.repository, budget)

    def _clean(self, item: Certified, weak: Question) -> Question:
        """The original function, asked in the same way."""
        entry = weak.planted["entry"]
        base = next(each for each in bases(item) if each.entry == entry)
        source = self._world.surroundings.text(item.function.path)
        label = weak.label.replace("weak", "clean")
        return Question(self._prompt(item, source, None, base), weak.band, label, {"twin": "clean"}, {}, control=True)

    def _safe(self, item: Certified, proposal: Proposal, base: Input) -> Question | None:
        """The twin that looks bad, if it behaves and the exploit of the weak one does nothing to it."""
        if not self._behaves(item, proposal.safe):
            return None
        if proposal.exploit and reaches(self._place(item, proposal, base), subject(proposal.safe), proposal.exploit):
            return None
        prompt = self._prompt(item, proposal.safe.source, proposal.safe, base)
        told = {"twin": "looks weak and is safe", "looks_like": proposal.cwe}
        known = {"edits": [edit.to_list() for edit in proposal.safe.edits]}
        return Question(prompt, proposal.band, "safe", told, known, control=True)


def _in_turn(chance: random.Random) -> list[Feature]:
    """All features in an order of chance, one of each class before the second of any.

    Where nothing can be exploited a class comes last, but for one function in four.
    """
    features = list(FEATURES)
    chance.shuffle(features)
    last = chance.randrange(_IDENTIFIED) > 0
    ranks: Counter[int] = Counter()
    ranked: list[tuple[bool, int, int, Feature]] = []
    for each in features:
        ranks[each.cwe] += 1
        ranked.append((last and each.identify_only, ranks[each.cwe], len(ranked), each))
    return [each for *_, each in sorted(ranked, key=lambda entry: entry[:3])]


def subject(twin: Twin) -> Subject:
    """A twin as what an exploit is tried on."""
    return Subject(twin.source, twin.function.first_line)


def exploit_code(payload: str, way: Carrier) -> str:
    """The reference exploit: make the text, and pass it where it gets in."""
    body = "\n".join(f"    {line}" for line in payload.split("\n"))
    return f"def exploit(target, canary):\n{body}\n    target({way.parameter}={way.argument})\n"


def bases(item: Certified) -> list[Input]:
    """Recorded calls that can be shown whole, the shortest first; what an exploit leaves out is taken from one."""
    known = [each for each in (*item.visible, *item.hidden) if not each.entry.get("generated")]
    known.sort(key=lambda each: (each.edited, len(str(each.arguments)), each.digest))
    return known[:_BASES]


def _filled(names: Names, value: Any) -> Any:
    if isinstance(value, str):
        return names.filled(value)
    return [_filled(names, each) for each in value] if isinstance(value, list) else value
