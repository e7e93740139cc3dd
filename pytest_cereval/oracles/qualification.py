"""Turns a function and its hidden inputs into a certificate, or into the reason why there is none.

Where the calls leave a stub or mutant undetected, edits of them are tried, and those that detect one are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.inside.extension import edited_entry
from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.certificate import MIN_MUTATION_SCORE, Certificate, Glimpse, borrowed, edited
from pytest_cereval.oracles.mutants import mutants
from pytest_cereval.oracles.replay import REPLAYS, differing
from pytest_cereval.oracles.rewrites import rewrites
from pytest_cereval.oracles.variants import Skeleton, Variant, branch_reporter, find_node, stubs
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import Reason
from pytest_cereval.source.repository import Checkout

MAX_EDITS = 200
_FEW_EDITS = 48
_EDIT_ROUNDS = 2
_MAX_ATTEMPTS = 4
_LEAST_CPU_S = 1.0
_CPU_MULTIPLE = 10
_EXTEND_CPU_S = 60.0
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a function is not certified, with the first variants that should have been told apart."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Qualified:
    """A certificate and the inputs it stands on: those given and the edits that were needed."""

    certificate: Certificate
    inputs: tuple[Glimpse, ...]


def qualify(
    bench: Bench,
    checkout: Checkout,
    function: SourceFunction,
    inputs: Sequence[Glimpse],
    *,
    extend: bool,
    lent: Sequence[tuple[Entry, Entry]] = (),
    refused: frozenset[str] = frozenset(),
) -> Qualified | Rejection:
    """Hold hidden inputs against stubs, mutants and rewrites of the reference; with `extend`, add edits as needed.

    `inputs` are the hidden ones only: what the prompt shows must not carry the certificate. `lent` are entries of
    other methods of the class, as recorded once and again, whose receivers edits may use; `refused` are digests
    of inputs known to be unstable.
    """
    module, node = find_node(checkout.runtime, function)
    skeleton = Skeleton(module, function)
    failed = bench.load(function, [item.entry for item in inputs])
    if failed:
        return Rejection(Reason.UNREACHABLE, failed)
    trial = _Trial(bench, function, inputs, refused)
    if not trial.repeats:
        return Rejection(Reason.UNSTABLE, "the calls end their process when made one after the other")
    stub_results = trial.run_all(stubs(node, skeleton))
    mutant_results = trial.run_all(mutants(node, skeleton))
    donors = trial.held_twice(lent) if extend and _is_weak(stub_results, mutant_results) else []
    for _ in range(_EDIT_ROUNDS if extend else 0):
        weak = _is_weak(stub_results, mutant_results)
        trial.extend([*stub_results, *mutant_results], donors, MAX_EDITS if weak else _FEW_EDITS)
        if not weak:
            break
    trial.keep_inputs()
    rewrite_results = trial.run_all(rewrites(node, skeleton))
    reporter, decisions = branch_reporter(node, skeleton)
    covered = len(trial.ask(reporter).get("branches", ()))
    certificate = _certificate(trial.inputs, stub_results, mutant_results, rewrite_results, (covered, 2 * decisions))
    passing = [result.variant.label for result in stub_results if result.passes]
    return _decide(certificate, passing) or Qualified(certificate, tuple(trial.inputs))


def _certificate(
    inputs: Sequence[Glimpse],
    stubs: Sequence[_Result],
    mutants: Sequence[_Result],
    rewrites: Sequence[_Result],
    branches: tuple[int, int],
) -> Certificate:
    scored = [result for result in mutants if not result.equivalent]
    entries = [item.entry for item in inputs]
    return Certificate(
        replays=REPLAYS,
        recorded_inputs=sum(not edited(entry) and not borrowed(entry) for entry in entries),
        borrowed_inputs=sum(map(borrowed, entries)),
        edited_inputs=sum(map(edited, entries)),
        stubs_rejected=sum(not result.passes for result in stubs),
        stubs_total=len(stubs),
        mutants_killed=sum(not result.passes for result in scored),
        mutants_total=len(scored),
        timed_out=sum(result.cut_short for result in scored),
        equivalent=len(mutants) - len(scored),
        survivors=tuple(f"line {result.variant.line}: {result.variant.label}" for result in scored if result.passes),
        rewrites_accepted=sum(result.passes for result in rewrites),
        rewrites_total=len(rewrites),
        branches_covered=branches[0],
        branches_total=branches[1],
    )


def _is_weak(stubs: Sequence[_Result], mutants: Sequence[_Result]) -> bool:
    scored = [result for result in mutants if not result.equivalent]
    killed = sum(not result.passes for result in scored)
    return any(result.passes for result in stubs) or killed < MIN_MUTATION_SCORE * len(scored)


def _decide(certificate: Certificate, passing_stubs: Sequence[str]) -> Rejection | None:
    if passing_stubs:
        return Rejection(Reason.WEAK_STUB, f"passes with {passing_stubs[0]!r} as its body")
    if not certificate.stubs_total:
        return Rejection(Reason.WEAK_STUB, "no emptied body could be put in its place")
    score = certificate.mutation_score
    if score is not None and score < MIN_MUTATION_SCORE:
        shown = "; ".join(certificate.survivors[:3])
        killed = f"{certificate.mutants_killed} of {certificate.mutants_total}"
        return Rejection(Reason.WEAK_MUTANTS, f"{killed} mutants killed; survived: {shown}")
    if certificate.rewrites_accepted < certificate.rewrites_total:
        accepted = f"{certificate.rewrites_accepted} of {certificate.rewrites_total}"
        return Rejection(Reason.REJECTS_REWRITE, f"{accepted} rewrites accepted")
    return None


@dataclass(slots=True)
class _Result:
    """How one variant fared; `passes` means that no input tells it from the reference."""

    variant: Variant
    passes: bool
    equivalent: bool = False
    cut_short: bool = False


class _Trial:
    """Runs variants of one function against its inputs."""

    def __init__(
        self, bench: Bench, function: SourceFunction, inputs: Sequence[Glimpse], refused: frozenset[str]
    ) -> None:
        self._refused = refused
        self._bench = bench
        self._function = function
        self._given = list(inputs)
        self._entries = [item.entry for item in inputs]
        self._useful: dict[int, Glimpse] = {}
        self._whole = (function.def_line, function.last_line)
        reply = bench.ask("expect", key=function.name)
        self.repeats = "cpu_s" in reply
        self._cpu_s = max(_LEAST_CPU_S, _CPU_MULTIPLE * reply.get("cpu_s", 0.0))

    def ask(self, variant: Variant, *, start: int = 0) -> dict[str, Any]:
        return self._bench.ask(
            "variant",
            key=self._function.name,
            source=variant.source,
            qualname=self._function.qualname,
            span=variant.span,
            start=start,
            cpu_s=self._cpu_s,
        )

    def run_all(self, variants: Iterable[Variant]) -> list[_Result]:
        """Every variant that compiles to something that fits in the function's place."""
        found = []
        for variant in variants:
            reply = self.ask(variant)
            if "unbuildable" not in reply:
                equivalent = "equivalent" in reply
                passes = equivalent or ("differs" in reply and reply["differs"] is None)
                cut_short = "timed_out" in reply or "died" in reply
                found.append(_Result(variant, passes, equivalent, cut_short))
        return found

    def keep_inputs(self) -> None:
        """Forget the edits that were tried and are not needed."""
        self._keep(sorted([*range(len(self._given)), *self._useful]))

    def _keep(self, numbers: Sequence[int]) -> None:
        self._bench.ask("keep", key=self._function.name, numbers=list(numbers))
        places = {number: place for place, number in enumerate(numbers)}
        self._entries = [self._entries[number] for number in numbers]
        self._useful = {places[number]: item for number, item in self._useful.items()}

    @property
    def inputs(self) -> list[Glimpse]:
        """Those given, and the edits that turned out to be of use."""
        return [*self._given, *(item for _, item in sorted(self._useful.items()))]

    def held_twice(self, lent: Sequence[tuple[Entry, Entry]]) -> list[Entry]:
        """Those entries whose arguments look the same in both recordings."""
        entries = [entry for pair in lent for entry in pair]
        reply = self._bench.ask("arguments", key=self._function.name, entries=entries)
        told = reply.get("arguments") or [None] * len(entries)
        return [
            first
            for (first, _), one, two in zip(lent, told[::2], told[1::2], strict=True)
            if one is not None and one == two
        ]

    def extend(self, results: Sequence[_Result], lent: list[Entry], limit: int) -> None:
        """Try edits of all inputs so far, earlier edits included; keep those that tell a passing variant apart."""
        left = [result for result in results if result.passes and not result.equivalent]
        if not left:
            return
        spans = sorted({result.variant.span or self._whole for result in left})
        name, start, known = self._function.name, len(self._entries), list(self._entries)
        reply = self._bench.ask("extend", key=name, spans=spans, lent=lent, limit=limit, cpu_s=_EXTEND_CPU_S)
        self._entries += [edited_entry(known, lent, found) for found in reply.get("found", ())]
        for _ in range(_MAX_ATTEMPTS):
            caught: dict[int, list[_Result]] = {}
            for result in left:
                differs = self.ask(result.variant, start=start).get("differs")
                if differs is not None:
                    caught.setdefault(differs, []).append(result)
            steady = self._steady(sorted(set(caught) - set(self._useful)))
            self._useful |= steady
            for number in caught.keys() & self._useful.keys():
                for result in caught[number]:
                    result.passes = False
            shaken = caught.keys() - self._useful.keys()
            if not shaken:
                return
            left = [result for number in shaken for result in caught[number]]
            self._keep([number for number in range(len(self._entries)) if number not in shaken])

    def _steady(self, numbers: list[int]) -> dict[int, Glimpse]:
        """The edits of these numbers that a process under another hash seed answers in the same way."""
        if not numbers:
            return {}
        told = self._bench.ask("tell", key=self._function.name, numbers=numbers).get("told", [])
        found = {number: Glimpse.told(self._entries[number], item) for number, item in zip(numbers, told, strict=False)}
        shaken = self._refused | differing(self._bench.other(), self._function, list(found.values()), 1)
        return {number: item for number, item in found.items() if item.digest not in shaken}
