"""Turns a function and its hidden inputs into a certificate, or into the reason why there is none.

Where the calls leave a stub or mutant undetected, edits of them are tried, and those that detect one are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_cereval.inside.equality import Level
from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.certificate import MIN_MUTATION_SCORE, Certificate, Glimpse, borrowed, edited, generated
from pytest_cereval.oracles.covering import smallest_cover
from pytest_cereval.oracles.mutants import mutants
from pytest_cereval.oracles.replay import REPLAYS
from pytest_cereval.oracles.rewrites import rewrites
from pytest_cereval.oracles.space import Entry
from pytest_cereval.oracles.trial import Result, Trial
from pytest_cereval.oracles.variants import Skeleton, Variant, branch_reporter, find_node, stubs
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import Reason
from pytest_cereval.source.repository import Checkout

MANY_EDITS = (64, 120)
"""How many edits are tried, round by round, while a function is not certified."""
LAST_EDITS = 320
"""How many are tried once more where a certificate is within reach."""
WITHIN_REACH = 0.6
"""The share of killed mutants below which no last round is tried: on Cerberus 1.3.4 it certified nothing there."""
WEAK = (Reason.WEAK_STUB, Reason.WEAK_MUTANTS)
"""Reasons that further evidence beside the inputs may outweigh."""
FEW_EDITS = (48,)
"""How many are tried for the last survivors of a function that is certified already."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a function is not certified, with the first variants that should have been told apart."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Qualified:
    """A certificate and the inputs it stands on: those given and the edits that were needed.

    `core` are the digests of a few inputs that together kill every killed variant and reach every reached branch.
    `weak` says that these inputs alone are not enough, and why; `told_apart` are then the stubs and mutants that they
    do tell apart, so that further evidence is only held against the others.
    """

    certificate: Certificate
    inputs: tuple[Glimpse, ...]
    core: frozenset[str]
    weak: Rejection | None = None
    told_apart: frozenset[Variant] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a qualification may use beside the inputs.

    level: how observations are compared. lent: entries of other methods of the class, as recorded once and again,
    whose receivers edits may use. refused: digests of inputs known to be unstable. extend: whether further inputs are
    sought. partner: the function whose work this one undoes, with its calls. laws, drawn: what an earlier qualification
    found, where no further inputs are sought.
    """

    level: Level
    lent: Sequence[tuple[Entry, Entry]] = ()
    refused: frozenset[str] = frozenset()
    extend: bool = True
    partner: tuple[SourceFunction, Sequence[Entry]] | None = None
    laws: tuple[str, ...] = ()
    drawn: int = 0


def qualify(
    bench: Bench, checkout: Checkout, function: SourceFunction, inputs: Sequence[Glimpse], terms: Terms
) -> Qualified | Rejection:
    """Hold hidden inputs against stubs, mutants and rewrites of the reference, with edits added as needed.

    `inputs` are the hidden ones only: what the prompt shows must not carry the certificate.
    """
    module, node = find_node(checkout.runtime, function)
    skeleton = Skeleton(module, function)
    failed = bench.load(function, [item.entry for item in inputs])
    if failed:
        return Rejection(Reason.UNREACHABLE, failed)
    trial = Trial(bench, function, inputs, terms.level, terms.refused, skeleton.source(node))
    if not trial.repeats:
        return Rejection(Reason.UNSTABLE, "the calls end their process when made one after the other")
    stub_results = trial.run_all(stubs(node, skeleton))
    mutant_results = trial.run_all(mutants(node, skeleton))
    seed, kept, drawn = seed_of(function), terms.laws, terms.drawn
    if terms.extend:
        drawn = trial.generate([*stub_results, *mutant_results], seed)
        kept = trial.keep_laws(terms.partner)
        _extend(trial, stub_results, mutant_results, terms)
    trial.keep_inputs()
    rewrite_results = trial.run_all(rewrites(node, skeleton))
    reporter, decisions = branch_reporter(node, skeleton)
    rows = trial.branches(reporter)
    branches = (len(set().union(*rows)), 2 * decisions)
    certificate = certificate_of(
        trial.inputs, stub_results, mutant_results, rewrite_results, branches, terms.level, seed
    )
    certificate = replace(certificate, laws=kept, drawn=drawn)
    passing = [result.variant.label for result in stub_results if result.passes]
    rejection = decide(certificate, passing)
    if rejection is not None and (rejection.reason not in WEAK or _rejects_rewrite(certificate)):
        return rejection
    core = smallest_cover([*(result.killers for result in (*stub_results, *mutant_results)), *_reached(trial, rows)])
    results = (*stub_results, *mutant_results) if rejection else ()
    told_apart = frozenset(result.variant for result in results if not result.passes)
    return Qualified(certificate, tuple(trial.inputs), frozenset(core), rejection, told_apart)


def seed_of(function: SourceFunction) -> int:
    """The seed from which the function's examples are drawn; kept on its certificate."""
    return int(hashlib.sha256(f"{function.name} {function.source_sha256}".encode()).hexdigest()[:8], 16)


def _extend(trial: Trial, stub_results: list[Result], mutant_results: list[Result], terms: Terms) -> None:
    weak = _is_weak(stub_results, mutant_results)
    donors = trial.held_twice(terms.lent) if weak else []
    for limit in MANY_EDITS if weak else FEW_EDITS:
        trial.extend([*stub_results, *mutant_results], donors, limit)
        if not _is_weak(stub_results, mutant_results):
            return
    if weak and _killed_share(mutant_results) >= WITHIN_REACH:
        trial.extend([*stub_results, *mutant_results], donors, LAST_EDITS)


def _reached(trial: Trial, rows: list[set[tuple[int, bool]]]) -> list[set[str]]:
    """For each branch that is reached, the inputs that reach it, by digest."""
    reached: dict[tuple[int, bool], set[str]] = {}
    for item, row in zip(trial.inputs, rows, strict=False):
        for branch in row:
            reached.setdefault(branch, set()).add(item.digest)
    return list(reached.values())


def certificate_of(
    inputs: Sequence[Glimpse],
    stubs: Sequence[Result],
    mutants: Sequence[Result],
    rewrites: Sequence[Result],
    branches: tuple[int, int],
    level: Level,
    seed: int,
) -> Certificate:
    scored = [result for result in mutants if not result.equivalent]
    entries = [item.entry for item in inputs]
    return Certificate(
        replays=REPLAYS,
        recorded_inputs=sum("call" in entry and not borrowed(entry) for entry in entries),
        borrowed_inputs=sum(map(borrowed, entries)),
        edited_inputs=sum(map(edited, entries)),
        generated_inputs=sum(map(generated, entries)),
        stubs_rejected=sum(not result.passes for result in stubs),
        stubs_total=len(stubs),
        mutants_killed=sum(not result.passes for result in scored),
        mutants_total=len(scored),
        timed_out=sum(result.cut_short for result in scored),
        equivalent=len(mutants) - len(scored),
        killed=tuple(result.text for result in scored if not result.passes),
        survivors=tuple(result.text for result in scored if result.passes),
        rewrites_accepted=sum(result.passes for result in rewrites),
        rewrites_total=len(rewrites),
        branches_covered=branches[0],
        branches_total=branches[1],
        equality=level,
        seed=seed,
    )


def _rejects_rewrite(certificate: Certificate) -> bool:
    return certificate.rewrites_accepted < certificate.rewrites_total


def _is_weak(stubs: Sequence[Result], mutants: Sequence[Result]) -> bool:
    return any(result.passes for result in stubs) or _killed_share(mutants) < MIN_MUTATION_SCORE


def _killed_share(mutants: Sequence[Result]) -> float:
    """1.0 where there is nothing to kill."""
    scored = [result for result in mutants if not result.equivalent]
    return sum(not result.passes for result in scored) / len(scored) if scored else 1.0


def decide(certificate: Certificate, passing_stubs: Sequence[str]) -> Rejection | None:
    if passing_stubs:
        return Rejection(Reason.WEAK_STUB, f"passes with {passing_stubs[0]!r} as its body")
    if not certificate.stubs_total:
        return Rejection(Reason.WEAK_STUB, "no emptied body could be put in its place")
    score = certificate.mutation_score
    if score is not None and score < MIN_MUTATION_SCORE:
        shown = "; ".join(certificate.survivors[:3])
        killed = f"{certificate.mutants_killed} of {certificate.mutants_total}"
        return Rejection(Reason.WEAK_MUTANTS, f"{killed} mutants killed; survived: {shown}")
    if _rejects_rewrite(certificate):
        accepted = f"{certificate.rewrites_accepted} of {certificate.rewrites_total}"
        return Rejection(Reason.REJECTS_REWRITE, f"{accepted} rewrites accepted")
    return None
