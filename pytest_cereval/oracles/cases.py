"""One function on its way through certification, and what it becomes: `Certified`, or a ledger entry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pytest_cereval.oracles.by_tests import ByTests
from pytest_cereval.oracles.certificate import FROM_CALLS, Certificate, Glimpse, Input
from pytest_cereval.oracles.qualification import Qualified
from pytest_cereval.oracles.tested import Tests
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry, Reason


@dataclass(frozen=True, slots=True)
class Certified:
    """A function whose oracle tells right from wrong: `visible` inputs may be shown, `hidden` ones judge.

    The first `core` of the hidden ones do together what all of them do to the variants, and reach the same branches.
    With `tests` these judge as well, or alone where there is no input. `events` are names of audit events that calls of
    the reference raise.
    """

    function: SourceFunction
    certificate: Certificate
    visible: tuple[Input, ...]
    hidden: tuple[Input, ...]
    core: int
    tests: Tests | None = None
    events: tuple[str, ...] = ()


@dataclass(slots=True)
class Case:
    """One function on its way: `outcome` is set once it is decided, `lost` are digests of inputs that some replay
    answers otherwise, `rough` says that replays differ in late digits of floats. `files` are those of all modules that
    were loaded at the first look, in the order of import.
    """

    function: SourceFunction
    inputs: list[Glimpse] = field(default_factory=list)
    visible: tuple[Glimpse, ...] = ()
    qualified: Qualified | None = None
    lost: set[str] = field(default_factory=set)
    rough: bool = False
    trees: dict[str, Input] = field(default_factory=dict)
    outcome: Certified | LedgerEntry | None = None
    by_calls: Certified | None = None
    files: tuple[str, ...] = ()

    def refuse(self, reason: Reason, detail: str = "") -> None:
        place = self.function
        self.outcome = LedgerEntry(place.name, place.path, place.def_line, reason, detail)


def with_tests(case: Case, result: ByTests) -> Certified:
    """What tests certify: alone, or together with the calls that are not enough by themselves."""
    calls = case.by_calls
    if calls is None:
        return Certified(case.function, result.certificate, (), (), 0, result.tests)
    certificate = replace(
        result.certificate,
        oracle="both",
        tests=result.certificate.recorded_inputs,
        **{name: getattr(calls.certificate, name) for name in FROM_CALLS},
    )
    return replace(calls, certificate=certificate, tests=result.tests)


def qualified_of(case: Case) -> Qualified:
    if case.qualified is None:
        raise LookupError(f"{case.function.name} was not qualified")
    return case.qualified
