"""Turns a property into a demand that was seen to work: the reference keeps it, and its own counterexample does not.

What a property demands of one function is fixed when the task is built and kept in what its judge knows, so that an
answer is held against exactly that. The calls are recorded ones with arguments replaced, so methods have receivers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_cereval.categories.identity import CORRECT, Identity, failure, shown
from pytest_cereval.categories.outcomes import Ran, run_calls
from pytest_cereval.categories.property import Property
from pytest_cereval.errors import ExtensionError
from pytest_cereval.inside.observation import Encoder, canonical
from pytest_cereval.inside.plain import decode
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate, NoAnswer, extract, reference_as_candidate
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.replies import safe
from pytest_cereval.oracles.space import parameters_of
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.functions import SourceFunction

PLANTED = "properties"
"""Key of what a judge knows: for each property its `identity` and the trees of the arguments of its `calls`."""
SEEDS = (0, 1)
MAX_CALLS = 50
_SHOWN = 200
Trees = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where candidates for one function run, and its recorded calls."""

    workers: Workers
    world: Setting
    function: SourceFunction
    inputs: Sequence[Input]
    original: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a property says of one candidate: sentences, none if it holds, or why its calls came to no end."""

    broken: tuple[str, ...] = ()
    stopped: Verdict | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """A property of a `conftest.py`, with every fault of its code as an `ExtensionError` that names it."""

    made: Property
    identity: Identity

    @property
    def says(self) -> str:
        """The sentence for the question."""
        return self.made.says

    def applies(self, function: SourceFunction) -> bool:
        """See `Property`."""
        return self._kind(bool, "applies", function)

    def calls(self, place: Place) -> list[Trees]:
        """The arguments of the calls as trees; raises `ExtensionError` for what is no call of the function."""
        given, known = self._asked("calls", place.function), parameters_of(place.function)
        if not isinstance(given, list | tuple) or len(given) > MAX_CALLS:
            what = f"gives {shown(given)} as calls of {place.function.name}"
            raise self._wrong(what, f"give a list of {MAX_CALLS} at most")
        for call in given:
            if not isinstance(call, Mapping) or not call or not set(call) <= set(known):
                raise self._wrong(
                    f"gives the call {shown(call)} of {place.function.name}",
                    f"give a mapping of some of its parameters: {', '.join(known)}",
                )
        return [{name: self._tree(value, place) for name, value in call.items()} for call in given]

    def check(self, place: Place, candidate: Candidate, calls: Sequence[Trees]) -> Found:
        """Hold a candidate against the text's demand, and against each call under two hash seeds."""
        wrong = self._kind(str, "reads", place.function, at_margin(candidate.taken))
        if wrong:
            return Found((safe(f"{self.identity.name}: {wrong}"),))
        entries = [entry for call in calls if (entry := entry_of(place.function, place.inputs, call)) is not None]
        if len(entries) < len(calls):
            raise self._wrong(f"has calls of {place.function.name} that no recorded call fits", "build the tasks again")
        for seed in SEEDS if entries else ():
            ran = run_calls(place.workers, place.world, place.function, candidate, entries, hash_seed=seed)
            broken = tuple(self._broken(place.function, calls, ran))
            if broken:
                return Found(broken)
            if ran.stopped or len(ran.outcomes) < len(entries):
                return Found((), ran.stopped or Verdict.FAIL_EARLY_EXIT, ran.error)
        return Found()

    def unproved(self, place: Place, calls: Sequence[Trees]) -> str:
        """Why it cannot be demanded of a function: empty if the reference keeps it and the counterexample does not."""
        if any(entry_of(place.function, place.inputs, call) is None for call in calls):
            return "no recorded call of the function has the parameters that its calls replace"
        reference = reference_as_candidate(place.world.checkout.runtime, place.function)
        kept = self.check(place, reference, calls)
        if kept.broken or kept.stopped:
            return f"the reference does not keep it: {'; '.join(kept.broken) or kept.error or kept.stopped}"
        text = self._kind(str, "breaks", place.function)
        twin = extract(f"```python\n{text}\n```\n", place.function, place.original)
        if isinstance(twin, NoAnswer):
            raise self._wrong(
                f"gives a counterexample of {place.function.name} that cannot be judged: {twin.reason}",
                "let `breaks` give one whole definition of the function",
            )
        found = self.check(place, twin, calls)
        if found.stopped:
            return f"its counterexample comes to no end: {found.error or found.stopped}"
        return "" if found.broken else "its own counterexample keeps it, so it would tell nothing"

    def _broken(self, function: SourceFunction, calls: Sequence[Trees], ran: Ran) -> Iterator[str]:
        for call, outcome in zip(calls, ran.outcomes, strict=False):
            arguments = {name: decode(tree) for name, tree in call.items()}
            wrong = self._kind(str, "holds", function, arguments, outcome)
            if wrong:
                told = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
                yield safe(f"{self.identity.name}: {wrong}; with {told[:_SHOWN]} it gives {outcome.shown[:_SHOWN]}")

    def _tree(self, value: Any, place: Place) -> Any:
        encoder = Encoder()
        tree = encoder.encode(value)
        try:
            plain = not (encoder.opaque or encoder.cut) and decode(tree) == value
        except ValueError:
            plain = False
        if not plain:
            what = f"gives {shown(value)} as an argument of {place.function.name}"
            raise self._wrong(what, "give plain data of modest size")
        return tree

    def _kind(self, kind: type[T], method: str, *arguments: Any) -> T:
        found = self._asked(method, *arguments)
        if not isinstance(found, kind):
            raise self._wrong(f"gives {shown(found)} from `{method}`", f"let it give a {kind.__name__}")
        return found

    def _asked(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self.made, method)(*arguments)
        except (Exception, SystemExit) as error:
            what = f"{self.identity.kind} {self.identity.name!r} failed in `{method}`: {failure(error)}"
            raise ExtensionError(what, next_step=CORRECT) from error

    def _wrong(self, what: str, next_step: str) -> ExtensionError:
        return ExtensionError(f"{self.identity.kind} {self.identity.name!r} {what}", next_step=next_step)


def entry_of(function: SourceFunction, inputs: Sequence[Input], call: Trees) -> dict[str, Any] | None:
    """A recorded call with these arguments in place of its own; None where no input has all of the parameters.

    It is the one with the shortest arguments, calls as recorded before edited ones, so that it is the same each time.
    """
    steps = parameters_of(function)
    fitting = [item for item in inputs if set(call) <= _names(item)]
    if not fitting:
        return None
    entry = min(fitting, key=_simplicity).entry
    for name, tree in call.items():
        entry = {"base": entry, "edit": [[steps[name].step], "tree", tree], "donor": None, "generated": True}
    return entry


def at_margin(text: str) -> str:
    """Code without the indentation of its first line, which parses whatever lines of its long texts begin with."""
    indentation = text[: len(text) - len(text.lstrip(" \t\f"))]
    return "\n".join(line.removeprefix(indentation) for line in text.split("\n"))


def _simplicity(item: Input) -> tuple[bool, int, str]:
    return "edit" in item.entry, len(canonical(item.arguments)), item.digest


def _names(item: Input) -> set[str]:
    pairs = item.arguments[1:] if isinstance(item.arguments, list) else ()
    return {str(pair[0]) for pair in pairs}
