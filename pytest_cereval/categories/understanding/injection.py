"""Turns a certified function into its pool of planted faults: those that its own inputs show, and only some of them.

Drafts are run with every input, hidden and shown, in a warm process with the reference. A fault must show on a hidden
input and stay unseen on another input, and not be what a linter says anyway. What is asked must show on the very same
inputs under another hash seed, and be rejected by the judge as a wrong answer is; else it is in quarantine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from pytest_cereval.categories.understanding.difficulty import band, distance
from pytest_cereval.categories.understanding.drafts import Draft, Drafting
from pytest_cereval.categories.understanding.planted import Planted
from pytest_cereval.categories.understanding.preference import in_order, wanted_band
from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.linting import flagged
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.variants import Skeleton, find_node
from pytest_cereval.results.band import Band
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.repository import Checkout
from pytest_cereval.source.syntax import source_text

ENOUGH = 4
"""So many single faults, and those asked beside the first, end the search in a function."""
MAX_PAIRS_TRIED = 2
MAX_DEFENDED = 2
NEVER = "never shows"
ALWAYS = "shows on every input"
FLAGGED = "flagged by ruff"
UNSTEADY = "shows on other inputs under another hash seed"
_REJECTED = (Verdict.FAIL_WRONG, Verdict.FAIL_EXCEPTION, Verdict.FAIL_UNREPRESENTABLE)
_MAX_QUARANTINED = 4
_EXPECT_CPU_S = 60.0
_LEAST_CPU_S = 1.0
_SLOWER = 20
"""How many times slower than the reference a draft may be before it counts as one that does not end."""
Shown = tuple[Draft, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Ground:
    """What faults are planted in and tried with.

    own: the names of the repository's functions. python: the interpreter's version. wanted: how many faults are asked
    about a function. judge: what the judge says of a fault as an answer.
    """

    checkout: Checkout
    own: frozenset[str]
    python: str
    wanted: int
    judge: Callable[[Certified, Planted], Finding]


@dataclass(frozen=True, slots=True)
class Injection:
    """What became of one function: the pool, what is asked of it, what was not fit for it and why.

    `asked` holds the judge's finding on each fault beside it; `problem` says why nothing could be run.
    """

    pool: tuple[Planted, ...] = ()
    asked: tuple[tuple[Planted, Finding], ...] = ()
    dropped: Counter[str] = field(default_factory=Counter)
    quarantined: tuple[str, ...] = ()
    problem: str = ""

    @property
    def why_none(self) -> str:
        """Why nothing is asked."""
        counts = (f"{count} {reason}" for reason, count in sorted(self.dropped.items()) if count)
        return self.problem or "; ".join((*counts, *self.quarantined)) or "no operator of the catalogue applies"


def inject(bench: Bench, item: Certified, ground: Ground) -> Injection:
    """The pool of one function. Raises `SandboxError` when the bench is lost and `OracleError` for faults of ours."""
    function = item.function
    module, _ = find_node(ground.checkout.runtime, function)
    try:
        drafting = Drafting(function, Skeleton(module, function))
    except SyntaxError as error:
        return Injection(problem=f"its text does not parse by itself: {error.msg}")
    trial = _Trial(bench, item, drafting.plain)
    if trial.problem:
        return Injection(problem=trial.problem)
    splice = splicer(ground.checkout, function)
    singles = _singles(drafting, trial, splice, ground)
    found = [*singles]
    for draft in _pairs(drafting, singles):
        exposed = trial.shows(draft)
        found += [(draft, exposed)] if not isinstance(exposed, str) else []
    for draft, exposed in singles[:MAX_DEFENDED]:
        defended = drafting.defended(draft)
        found += [(defended, exposed)] if defended is not None else []
    pool = tuple(_planted(draft, exposed, trial.count, ground.own, singles) for draft, exposed in found)
    again = _Trial(bench.other(), item, drafting.plain) if pool else trial
    asked, quarantined = _fit_to_ask(item, pool, again, ground)
    return Injection(pool, tuple(asked), drafting.dropped, tuple(quarantined))


class _Trial:
    """One function on a bench with all its inputs loaded."""

    def __init__(self, bench: Bench, item: Certified, plain: str) -> None:
        self._bench = bench
        self._item = item
        self.name = item.function.name
        entries = [each.entry for each in (*item.hidden, *item.visible)]
        self.count = len(entries)
        self.problem = bench.load(item.function, entries) or ""
        if not self.problem:
            level = item.certificate.equality.to_dict()
            told = {"level": level, "plain": plain, "qualname": item.function.qualname}
            reply = bench.ask("expect", key=self.name, cpu_s=_EXPECT_CPU_S, **told)
            self.problem = "" if "cpu_s" in reply else "its inputs cannot be run in a row"
            self._cpu_s = _LEAST_CPU_S + _SLOWER * reply.get("cpu_s", 0.0)

    def shows(self, draft: Draft) -> frozenset[int] | str:
        """The numbers of the inputs on which a draft shows, hidden ones first, or why it is no fault."""
        body: dict[str, Any] = {"source": draft.source, "span": draft.span, "defaults": draft.defaults}
        body |= {"qualname": self._item.function.qualname, "start": 0, "all": True}
        told = self._bench.ask("variant", key=self.name, cpu_s=self._cpu_s, **body)
        if "differs" not in told:
            reasons = {"timed_out": "does not end", "died": "ends its process", "equivalent": NEVER}
            return next((why for key, why in reasons.items() if key in told), "does not fit in the function's place")
        exposed = frozenset(told["differs"])
        if not any(number < len(self._item.hidden) for number in exposed):
            return NEVER
        return exposed if len(exposed) < self.count else ALWAYS


def _singles(drafting: Drafting, trial: _Trial, splice: Callable[[str], str], ground: Ground) -> list[Shown]:
    """Single faults until there are enough; the reasons against all others are counted."""
    found: list[Shown] = []
    waiting = drafting.singles()
    remarks = flagged([splice(draft.change.text) for draft in waiting], splice(""), ground.python) if waiting else None
    for number, draft in enumerate(waiting):
        if _is_enough(found, trial, ground.wanted):
            drafting.dropped["not tried, since there were enough"] += len(waiting) - number
            break
        exposed = FLAGGED if remarks is not None and remarks[number] else trial.shows(draft)
        if isinstance(exposed, str):
            drafting.dropped[exposed] += 1
        else:
            found.append((draft, exposed))
    return found


def _is_enough(found: Sequence[Shown], trial: _Trial, wanted: int) -> bool:
    """Whether to look no further: there are some, one of them in the band that falls to the function, or many."""
    least = ENOUGH - 1 + wanted
    bands = {band(len(exposed) / trial.count)[0] for _, exposed in found}
    target = wanted_band(trial.name)
    # That band can be made of any fault.
    met = target is Band.ADVERSARIAL or target in bands
    return len(found) >= (least if met else 2 * least)


def splicer(checkout: Checkout, function: SourceFunction) -> Callable[[str], str]:
    """Puts another text of a function in its place in its file; an empty one gives the file as it is."""
    original = source_text(checkout.runtime / function.path)
    lines = original.split("\n")
    before = "".join(f"{line}\n" for line in lines[: function.first_line - 1])
    behind = "\n".join(lines[function.last_line :])

    def splice(text: str) -> str:
        return f"{before}{text.removesuffix(chr(10))}\n{behind}" if text else original

    return splice


def _pairs(drafting: Drafting, singles: Sequence[Shown]) -> list[Draft]:
    """Some pairs of single faults, those first that meet in the same calls."""
    couples = sorted(combinations(singles, 2), key=lambda couple: not couple[0][1] & couple[1][1])
    made: list[Draft] = []
    for (left, _), (right, _) in couples:
        if len(made) == MAX_PAIRS_TRIED:
            break
        both = drafting.both(left, right)
        made += [both] if both is not None else []
    return made


def _planted(
    draft: Draft, exposed: frozenset[int], inputs: int, own: frozenset[str], singles: Sequence[Shown]
) -> Planted:
    alone = [shows for single, shows in singles if single.faults[0] in draft.faults]
    interacting = len(draft.faults) > 1 and (bool(alone[0] & alone[1]) or alone[0] | alone[1] != exposed)
    share = len(exposed) / inputs
    chosen, made = band(share, faults=len(draft.faults), interacting=interacting, defended=bool(draft.defence))
    distances = tuple(distance(fault.site, own) for fault in draft.faults)
    return Planted(draft, exposed, inputs, chosen, made, distances)


def _fit_to_ask(
    item: Certified, pool: Sequence[Planted], again: _Trial, ground: Ground
) -> tuple[list[tuple[Planted, Finding]], list[str]]:
    """The faults to ask about, most wanted first, and those in quarantine with the reason."""
    asked: list[tuple[Planted, Finding]] = []
    quarantined: list[str] = []
    for planted in in_order(item.function.name, pool):
        if len(asked) >= ground.wanted or len(quarantined) >= _MAX_QUARANTINED:
            break
        name = f"{' and '.join(planted.operators)} in line {planted.first_lines[0]}"
        if again.problem or again.shows(planted.draft) != planted.exposed:
            quarantined.append(f"{name}: {again.problem or UNSTEADY}")
            continue
        found = ground.judge(item, planted)
        if found.verdict in _REJECTED:
            asked.append((planted, found))
        else:
            quarantined.append(f"{name}: judged {found.verdict}")
    return asked, quarantined
