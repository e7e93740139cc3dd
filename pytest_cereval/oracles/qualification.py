"""Turns a function and its hidden inputs into a certificate, or into the reason why there is none.

Where recorded calls leave a stub or mutant undetected, edits of them are tried, and those that detect one are added.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.oracles.bench import Bench
from pytest_cereval.oracles.certificate import MIN_MUTATION_SCORE, Certificate, Input
from pytest_cereval.oracles.mutants import mutants
from pytest_cereval.oracles.replay import REPLAYS
from pytest_cereval.oracles.rewrites import rewrites
from pytest_cereval.oracles.variants import Skeleton, Variant, branch_reporter, find_node, stubs
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import Reason
from pytest_cereval.source.repository import Checkout

MAX_EDITS = 64
_MIN_TIMEOUT_S = 2.0
_TIMEOUT_MULTIPLE = 10


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a function is not certified, with the first variants that should have been told apart."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Qualified:
    """A certificate and the inputs it stands on: the recorded ones and the edits that were needed."""

    certificate: Certificate
    inputs: tuple[Input, ...]


def qualify(
    bench: Bench, checkout: Checkout, function: SourceFunction, inputs: Sequence[Input], *, extend: bool
) -> Qualified | Rejection:
    """Hold hidden inputs against stubs, mutants and rewrites of the reference; with `extend`, add edits as needed.

    `inputs` are the hidden ones only: what the prompt shows must not carry the certificate.
    """
    module, node = find_node(checkout.runtime, function)
    skeleton = Skeleton(module, function)
    failed = bench.load(function, [item.entry for item in inputs])
    if failed:
        return Rejection(Reason.UNREACHABLE, failed)
    trial = _Trial(bench, function, inputs)
    try:
        stub_results = trial.run_all(stubs(node, skeleton))
        mutant_results = trial.run_all(mutants(node, skeleton))
        if extend and any(result.passes for result in [*stub_results, *mutant_results]):
            trial.extend([*stub_results, *mutant_results])
        rewrite_results = trial.run_all(rewrites(node, skeleton))
        reporter, decisions = branch_reporter(node, skeleton)
        covered = len(trial.ask(reporter).get("branches", ()))
    finally:
        bench.ask("forget", key=function.name)
    scored = [result for result in mutant_results if not result.equivalent]
    certificate = Certificate(
        replays=REPLAYS,
        recorded_inputs=sum(not item.edited for item in trial.inputs),
        edited_inputs=sum(item.edited for item in trial.inputs),
        stubs_rejected=sum(not result.passes for result in stub_results),
        stubs_total=len(stub_results),
        mutants_killed=sum(not result.passes for result in scored),
        mutants_total=len(scored),
        timed_out=sum(result.timed_out for result in scored),
        equivalent=len(mutant_results) - len(scored),
        survivors=tuple(f"line {result.variant.line}: {result.variant.label}" for result in scored if result.passes),
        rewrites_accepted=sum(result.passes for result in rewrite_results),
        rewrites_total=len(rewrite_results),
        branches_covered=covered,
        branches_total=2 * decisions,
    )
    passing = [result.variant.label for result in stub_results if result.passes]
    return _decide(certificate, passing) or Qualified(certificate, tuple(trial.inputs))


def _decide(certificate: Certificate, passing_stubs: Sequence[str]) -> Rejection | None:
    if passing_stubs:
        return Rejection(Reason.WEAK_STUB, f"passes with {passing_stubs[0]!r} as its body")
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
    timed_out: bool = False


class _Trial:
    """Runs variants of one function against its inputs."""

    def __init__(self, bench: Bench, function: SourceFunction, inputs: Sequence[Input]) -> None:
        self._bench = bench
        self._function = function
        self.inputs = list(inputs)
        started = time.monotonic()
        self._bench.ask("expect", key=function.name, keep=list(range(len(inputs))), timeout_s=60.0)
        self._timeout_s = max(_MIN_TIMEOUT_S, _TIMEOUT_MULTIPLE * (time.monotonic() - started))

    def ask(self, variant: Variant, *, start: int = 0) -> dict[str, Any]:
        return self._bench.ask(
            "variant",
            key=self._function.name,
            source=variant.source,
            qualname=self._function.qualname,
            start=start,
            timeout_s=self._timeout_s,
        )

    def run_all(self, variants: Iterable[Variant]) -> list[_Result]:
        """Every variant that compiles to something that fits in the function's place."""
        found = []
        for variant in variants:
            reply = self.ask(variant)
            if "unbuildable" not in reply:
                equivalent = "equivalent" in reply
                passes = equivalent or ("differs" in reply and reply["differs"] is None)
                found.append(_Result(variant, passes, equivalent, bool(reply.get("timed_out"))))
        return found

    def extend(self, results: Sequence[_Result]) -> None:
        """Add the edited inputs that tell a passing variant apart, and note which variants they caught."""
        recorded = len(self.inputs)
        self._bench.ask("extend", key=self._function.name, limit=MAX_EDITS, timeout_s=60.0)
        self._timeout_s *= 2
        caught: dict[int, None] = {}
        for result in results:
            if result.passes and not result.equivalent:
                differs = self.ask(result.variant, start=recorded).get("differs")
                if differs is not None:
                    result.passes = False
                    caught[differs - recorded] = None
        picked = self._bench.ask("pick", key=self._function.name, numbers=list(caught), timeout_s=30.0)
        self.inputs += [Input.observed(reply["entry"], reply) for reply in picked["picked"]]
