"""Turns functions and their recorded calls into certified functions and ledger entries, one or the other for each.

The stages: look at what the reference does on each call; repeat it once elsewhere; choose what prompts show and
qualify the rest; repeat what is certified until `REPLAYS` runs agree, and qualify again where a late run drops inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pytest_cereval.inside.equality import TOLERANCE, Level
from pytest_cereval.oracles.algebra import partner_of
from pytest_cereval.oracles.bench import Bench, Setting
from pytest_cereval.oracles.borrowing import entries_of, lenders_among, lent_to
from pytest_cereval.oracles.by_tests import certify_by_tests, may_be_tested, tests_may_end
from pytest_cereval.oracles.cases import Case, Certified, qualified_of, with_tests
from pytest_cereval.oracles.certificate import Glimpse
from pytest_cereval.oracles.examples import split_inputs
from pytest_cereval.oracles.qualification import Qualified, Rejection, Terms, qualify
from pytest_cereval.oracles.replay import Candidates, first_look
from pytest_cereval.oracles.space import Entry
from pytest_cereval.oracles.spread import Lost, spread
from pytest_cereval.oracles.turns import Turn, all_replays, repeat, replay, under
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.recording import Recording
from pytest_cereval.source.scan import scan

Result = TypeVar("Result")
EVERY_CALL_DIFFERS = "every call differs in some replay"
Progress = Callable[[str, int, int], None]


Known = Callable[[str], Certified | LedgerEntry | None]
Recall = Callable[[Case], Certified | LedgerEntry | None]
"""The outcome of an earlier build for a function whose calls have been looked at; see `Case.inputs`."""


@dataclass(frozen=True, slots=True)
class Certification:
    """Every function is in exactly one of the two, both in the order of the functions given.

    `loaded_files` are the inside paths of the files of all modules that the reference had loaded, so that a judge can
    hide what it never needs; it says nothing of functions that were known beforehand. `needed` are names of installed
    modules that opening inputs imports. `tested` are the functions that the repository's own tests were tried on.
    """

    certified: tuple[Certified, ...]
    ledger: tuple[LedgerEntry, ...]
    loaded_files: frozenset[str]
    needed: frozenset[str] = frozenset()
    tested: frozenset[str] = frozenset()


def certify_all(
    setting: Setting,
    functions: Sequence[SourceFunction],
    recording: Recording,
    *,
    workers: int = 1,
    progress: Progress = lambda stage, done, total: None,
    known: Known = lambda name: None,
    recall: Recall = lambda case: None,
    eligible: Sequence[SourceFunction] = (),
) -> Certification:
    """Certify every function, or say by a named reason why not.

    `workers` benches share the work without any influence on the result. `progress` is told (stage, done, total).
    `known` gives the outcome of an earlier build by the function's name; such a function is not looked at again.
    `recall` gives that of one whose calls do what they did before, which is found by looking. `eligible` are all
    functions that a task could be about, from a scan of the checkout if not given.
    Raises `SandboxError` when no reference process can be started.
    """
    cases = [Case(function, outcome=known(function.name)) for function in functions]
    # Lenders are looked for in the whole checkout, so that a function's outcome does not depend on its company.
    everything = eligible or scan(setting.checkout.runtime).eligible
    run = _Run(setting, functions, everything, recording, workers, progress)
    tried = _open(cases)
    run.look(tried)
    tried = [case for case in tried if not _is_recalled(case, recall)]
    run.repeat_once(_open(cases))
    run.qualify(_open(cases))
    run.repeat_rest(_open(cases))
    run.by_tests(tried)
    outcomes = [case.outcome for case in cases]
    return Certification(
        certified=tuple(outcome for outcome in outcomes if isinstance(outcome, Certified)),
        ledger=tuple(outcome for outcome in outcomes if isinstance(outcome, LedgerEntry)),
        loaded_files=frozenset(run.files),
        needed=frozenset(run.needed),
        tested=frozenset(run.tested),
    )


def _is_recalled(case: Case, recall: Recall) -> bool:
    found = recall(case)
    case.outcome = case.outcome if found is None else found
    return found is not None


def _open(cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if case.outcome is None]


class _Run:
    """The stages; each decides some cases and leaves the others open for the next."""

    def __init__(
        self,
        setting: Setting,
        functions: Sequence[SourceFunction],
        eligible: Sequence[SourceFunction],
        recording: Recording,
        workers: int,
        progress: Progress,
    ) -> None:
        self.setting = setting
        self.recording = recording
        self.lenders = lenders_among(eligible)
        self.entries = {
            function.name: entries_of(function, self._beside(function), recording) for function in functions
        }
        self.lent = {function.name: lent_to(function, self._beside(function), recording) for function in functions}
        self.packages = frozenset(function.module.partition(".")[0] for function in eligible)
        self.workers = workers
        self.progress = progress
        self.files: set[str] = set()
        self.needed: set[str] = set()
        self.tested: set[str] = set()

    def look(self, cases: list[Case]) -> None:
        """Stage 1: which recorded calls are usable inputs."""
        for case in cases:
            if not self.entries[case.function.name][0]:
                self._refuse_uncalled(case)

        def work(bench: Bench, turn: Turn) -> Candidates:
            return first_look(bench, turn.function, *self.entries[turn.function.name])

        for turn, found in self._each("look", under(0, _open(cases)), work):
            case = turn.case
            self.files.update(found.files)
            self.needed |= found.packages
            case.inputs, case.files = found.inputs, found.files
            if found.problem is not None:
                case.refuse(*found.problem)

    def repeat_once(self, cases: list[Case]) -> None:
        """Stage 2: drop what one other hash seed and order already changes."""
        for turn, found in self._each("repeat", under(1, cases), repeat):
            case = turn.case
            case.lost |= found.lost
            case.rough |= found.rough
            case.inputs = [item for item in case.inputs if item.digest not in found.lost]
            if not case.inputs:
                case.refuse(Reason.UNSTABLE, EVERY_CALL_DIFFERS)

    def qualify(self, cases: list[Case]) -> None:
        """Stage 3: split, and hold hidden inputs against stubs, mutants and rewrites."""

        def work(bench: Bench, turn: Turn) -> Qualified | Rejection:
            case = turn.case
            case.visible, hidden = split_inputs(case.function.bare_name, case.inputs)
            return self._held_against(bench, case, hidden, extend=True)

        self._settle(self._each("qualify", under(0, cases), work))

    def repeat_rest(self, cases: list[Case]) -> None:
        """Stage 4: the other replays of what is certified so far.

        A case that loses inputs is qualified again without them: once with new edits, which are then replayed as well,
        and in the end with what is left.
        """
        shaken = self._replay(cases)
        self._qualify_again(shaken, extend=True)
        self._qualify_again(self._replay(_open(shaken)), extend=False)
        for case in _open(cases):
            qualified = qualified_of(case)
            core = [item for item in qualified.inputs if item.digest in qualified.core]
            rest = [item for item in qualified.inputs if item.digest not in qualified.core]
            case.outcome = case.by_calls = Certified(
                case.function,
                qualified.certificate,
                tuple(case.trees[item.digest] for item in case.visible),
                tuple(case.trees[item.digest] for item in (*core, *rest)),
                len(core),
            )
            if qualified.weak is not None:
                case.refuse(qualified.weak.reason, qualified.weak.detail)

    def _replay(self, cases: list[Case]) -> list[Case]:
        """Replay under all other seeds, the last of which brings the trees; the cases that lost inputs."""
        for case in cases:
            case.inputs = [*case.visible, *qualified_of(case).inputs]
        lost: dict[str, set[str]] = {case.function.name: set() for case in cases}
        rough = {case.function.name for case in cases if case.rough}
        for turn, found in self._each("replay", all_replays(cases), replay):
            turn.case.rough |= found.repetition.rough
            lost[turn.function.name] |= found.repetition.lost
            turn.case.trees |= found.trees
        late = [case for case in _open(cases) if case.rough and case.function.name not in rough]
        shaken = [case for case in _open(cases) if lost[case.function.name] or case in late]
        for case in shaken:
            case.lost |= lost[case.function.name]
            case.visible = tuple(item for item in case.visible if item.digest not in case.lost)
        return shaken

    def _qualify_again(self, cases: list[Case], *, extend: bool) -> None:
        def work(bench: Bench, turn: Turn) -> Qualified | Rejection:
            case = turn.case
            kept = [item for item in qualified_of(case).inputs if item.digest not in case.lost]
            if not kept:
                return Rejection(Reason.UNSTABLE, EVERY_CALL_DIFFERS)
            return self._held_against(bench, case, kept, extend=extend)

        self._settle(self._each("qualify again", under(0, cases), work))

    def _held_against(
        self, bench: Bench, case: Case, hidden: Sequence[Glimpse], *, extend: bool
    ) -> Qualified | Rejection:
        name = case.function.name
        level = Level(
            floats=TOLERANCE if case.rough else 0.0,
            ordered=name in self.setting.ordered,
            printed=any(item.printed for item in case.inputs),
        )
        known = case.qualified.certificate if case.qualified is not None else None
        terms = Terms(
            level,
            lent=self.lent[name] if extend else (),
            refused=frozenset(case.lost | {item.digest for item in case.visible}),
            extend=extend,
            partner=self._partner(case.function) if extend else None,
            laws=known.laws if known is not None else (),
            drawn=known.drawn if known is not None else 0,
        )
        return qualify(bench, self.setting.checkout, case.function, hidden, terms)

    def _partner(self, function: SourceFunction) -> tuple[SourceFunction, list[Entry]] | None:
        """The function that this one undoes, with its recorded calls."""
        beside = self._beside(function)
        found = partner_of(function, beside)
        return None if found is None else (found, entries_of(found, beside, self.recording)[0])

    def _beside(self, function: SourceFunction) -> Sequence[SourceFunction]:
        return self.lenders.get((function.module, function.parents), ())

    def _settle(self, results: list[tuple[Turn, Qualified | Rejection]]) -> None:
        for turn, result in results:
            if isinstance(result, Rejection):
                turn.case.refuse(result.reason, result.detail)
            else:
                turn.case.qualified = result

    def _each(self, stage: str, turns: list[Turn], work: Callable[[Bench, Turn], Result]) -> list[tuple[Turn, Result]]:
        """The results of `work`, without those of functions on which a process or our own code failed: refused."""
        results = spread(
            self.setting,
            turns,
            work,
            workers=self.workers,
            hash_seed=lambda turn: turn.hash_seed,
            effort=lambda turn: turn.effort,
            done=lambda count: self.progress(stage, count, len(turns)),
        )
        kept = []
        for turn, result in zip(turns, results, strict=True):
            if not isinstance(result, Lost):
                kept.append((turn, result))
            elif turn.case.outcome is None:
                reason = Reason.INTERNAL if result.ours else Reason.CRASHED
                turn.case.refuse(reason, result.detail.splitlines()[0])
        return kept

    def by_tests(self, cases: list[Case]) -> None:
        """Stage 5: what calls cannot judge, or not well enough, the repository's own tests may.

        Where calls can be replayed they judge first, out of the answer's reach, and the tests only what passes there.
        """
        refused = {
            case.function.name: (case, case.outcome)
            for case in cases
            if isinstance(case.outcome, LedgerEntry)
            and tests_may_end(self.recording)
            and (case.by_calls is not None or may_be_tested(case.outcome.reason, self.recording, case.function))
        }
        self.tested |= set(refused)
        functions = [case.function for case, _ in refused.values()]
        judged = [case for case, _ in refused.values() if case.by_calls is not None]
        found = certify_by_tests(
            self.setting,
            functions,
            self.packages,
            workers=self.workers,
            progress=self.progress,
            known={case.function.name: qualified_of(case).told_apart for case in judged},
        )
        for name, (case, entry) in refused.items():
            result = found[name]
            if isinstance(result, str):
                case.outcome = replace(entry, detail="; ".join(filter(None, (entry.detail, f"by tests: {result}"))))
            else:
                case.outcome = with_tests(case, result)

    def _refuse_uncalled(self, case: Case) -> None:
        name = case.function.name
        lost, large = self.recording.unpicklable.get(name, 0), self.recording.oversized.get(name, 0)
        tests = self.recording.tests
        if lost:
            case.refuse(Reason.UNPICKLABLE, f"{lost} calls")
        elif large:
            case.refuse(Reason.UNPICKLABLE, f"{large} calls are larger than what is recorded")
        elif tests.stopped and not self.recording.seen.get(name):
            case.refuse(Reason.OUT_OF_TIME, f"{tests.ran} of {tests.collected} tests ran")
        else:
            case.refuse(Reason.NOT_CALLED)
