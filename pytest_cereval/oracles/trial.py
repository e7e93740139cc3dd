"""Runs variants of one function against its inputs, and adds edits of the inputs that tell more variants apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.inside.equality import Level
from pytest_cereval.inside.extension import edited_entry
from pytest_cereval.oracles.algebra import Law, Seen, laws
from pytest_cereval.oracles.bench import Bench, parts_of
from pytest_cereval.oracles.certificate import Glimpse
from pytest_cereval.oracles.properties import draw
from pytest_cereval.oracles.replay import differing
from pytest_cereval.oracles.space import MAX_BASES, Entry, Tree, space_of
from pytest_cereval.oracles.variants import Variant
from pytest_cereval.source.functions import SourceFunction

MAX_GENERATED = 12
_MAX_SEEN = 12
_MAX_ATTEMPTS = 4
_CPU_S = 30.0  # what the judge allows for all calls
_EXTEND_CPU_S = 60.0


@dataclass(slots=True)
class Result:
    """How one variant fared; `passes` means that no input tells it from the reference.

    `killers` are digests of inputs that do, some of all; none where the variant ended by a limit or a crash.
    """

    variant: Variant
    passes: bool
    equivalent: bool = False
    cut_short: bool = False
    killers: set[str] = field(default_factory=set)

    @property
    def survives(self) -> bool:
        """Whether it should be told apart and is not."""
        return self.passes and not self.equivalent

    @property
    def text(self) -> str:
        """Where the variant differs and how."""
        return f"line {self.variant.line}: {self.variant.label}"


class Trial:
    """One function on a bench that has its inputs loaded; `repeats` is False where they do not even run in a row."""

    def __init__(
        self,
        bench: Bench,
        function: SourceFunction,
        inputs: Sequence[Glimpse],
        level: Level,
        refused: frozenset[str],
        plain: str,
    ) -> None:
        self._refused = refused
        self._bench = bench
        self._function = function
        self._given = list(inputs)
        self._entries = [item.entry for item in inputs]
        self._useful: dict[int, Glimpse] = {}
        self._whole = (function.def_line, function.last_line)
        told: dict[str, Any] = {"level": level.to_dict(), "plain": plain, "qualname": function.qualname}
        reply = bench.ask("expect", key=function.name, shapes=MAX_BASES, **told)
        self.repeats = "cpu_s" in reply
        self._shapes: list[tuple[int, Tree]] = reply.get("shapes", [])

    def _ask(self, variant: Variant, *, op: str = "variant", start: int = 0) -> dict[str, Any]:
        return self._bench.ask(
            op,
            key=self._function.name,
            source=variant.source,
            qualname=self._function.qualname,
            span=variant.span,
            defaults=variant.defaults,
            start=start,
            cpu_s=_CPU_S,
        )

    def run_all(self, variants: Iterable[Variant]) -> list[Result]:
        """Every variant that compiles to something that fits in the function's place."""
        found = []
        for variant in variants:
            reply = self._ask(variant)
            if "unbuildable" not in reply:
                equivalent = "equivalent" in reply
                cut_short = "timed_out" in reply or "died" in reply
                numbers = reply.get("differs", ())
                result = Result(variant, not (numbers or cut_short), equivalent, cut_short)
                result.killers.update(self._given[number].digest for number in numbers if number < len(self._given))
                found.append(result)
        return found

    def branches(self, reporter: Variant) -> list[set[tuple[int, bool]]]:
        """For each input the outcomes of decisions that it reaches."""
        rows = self._ask(reporter, op="cover").get("branches", ())
        return [{(number, truth) for number, truth in row} for row in rows]

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

    def generate(self, results: Sequence[Result], seed: int) -> int:
        """Add examples that Hypothesis draws near the inputs, as far as the reference behaves on them as it should.

        Returns how many were drawn.
        """
        bases = space_of(self._function, [(self._entries[number], tree) for number, tree in self._shapes])
        start = len(self._entries)
        drawn = [change.entry(bases) for change in draw(bases, seed)]
        for part in parts_of(drawn):
            reply = self._bench.ask("adopt", key=self._function.name, entries=part, cpu_s=_EXTEND_CPU_S)
            self._entries += [part[place] for place in reply.get("found", ())]
        steady = self._steady(self._told(range(start, len(self._entries))))
        chosen = dict(sorted(steady.items())[:MAX_GENERATED])
        self._useful |= chosen
        self._keep([*range(start), *chosen])
        self._hold([result for result in results if result.survives], start)
        return len(drawn)

    def keep_laws(self, partner: tuple[SourceFunction, Sequence[Entry]] | None) -> tuple[str, ...]:
        """Add the calls of laws that the reference keeps on all of them; the names of these laws."""
        seen = _seen(self._bench, self._function, self._entries[: len(self._given)][:_MAX_SEEN])
        others: list[Seen] = []
        if partner is not None:
            function, entries = partner[0], partner[1][:_MAX_SEEN]
            if self._bench.other().load(function, entries) is None:
                others = _seen(self._bench.other(), function, entries)
        return tuple(law.name for law in laws(self._function, seen, others) if self._keeps(law))

    def _keeps(self, law: Law) -> bool:
        start = len(self._entries)
        entries = [pair.entry for pair in law.pairs]
        reply = self._bench.ask("adopt", key=self._function.name, entries=entries, again=True, cpu_s=_EXTEND_CPU_S)
        places = reply.get("found", ())
        self._entries += [entries[place] for place in places]
        told = self._told(range(start, len(self._entries)))
        wanted = [law.pairs[place].wanted for place in places]
        holds = len(places) == len(law.pairs) == len(told) and [item.outcome for item in told.values()] == wanted
        known = {item.digest for item in self.inputs}
        new = {number: item for number, item in told.items() if item.digest not in known}
        steady = self._steady(new) if holds else {}
        self._useful |= steady
        self._keep([*range(start), *steady])
        return holds and (bool(steady) or any(item.digest in known for item in told.values()))

    def _hold(self, left: Sequence[Result], start: int) -> list[tuple[Result, list[int]]]:
        """Hold variants against the inputs from number `start` on; only steady inputs count as killers."""
        caught = [(result, list(self._ask(result.variant, start=start).get("differs") or [])) for result in left]
        firsts = sorted({numbers[0] for _, numbers in caught if numbers} - set(self._useful))
        steady = self._steady(self._told(firsts))
        self._useful |= steady
        for result, numbers in caught:
            killers = {self._useful[number].digest for number in numbers if number in self._useful}
            result.killers |= killers
            result.passes = not killers
        return caught

    def extend(self, results: Sequence[Result], lent: list[Entry], limit: int) -> None:
        """Try edits of all inputs so far, earlier edits included; keep those that tell a passing variant apart."""
        left = [result for result in results if result.survives]
        if not left:
            return
        spans = sorted({result.variant.span or self._whole for result in left})
        name, start, known = self._function.name, len(self._entries), list(self._entries)
        reply = self._bench.ask("extend", key=name, spans=spans, lent=lent, limit=limit, cpu_s=_EXTEND_CPU_S)
        self._entries += [edited_entry(known, lent, found) for found in reply.get("found", ())]
        for _ in range(_MAX_ATTEMPTS):
            caught = self._hold(left, start)
            left = [result for result, numbers in caught if numbers and result.passes]
            if not left:
                return
            shaken = {numbers[0] for _, numbers in caught if numbers} - self._useful.keys()
            self._keep([number for number in range(len(self._entries)) if number not in shaken])

    def _steady(self, found: dict[int, Glimpse]) -> dict[int, Glimpse]:
        """Those that a process under another hash seed answers in the same way."""
        if not found:
            return {}
        shaken = self._refused | differing(self._bench.other(), self._function, list(found.values()), 1).lost
        return {number: item for number, item in found.items() if item.digest not in shaken}

    def _told(self, numbers: Sequence[int]) -> dict[int, Glimpse]:
        if not numbers:
            return {}
        told = self._bench.ask("tell", key=self._function.name, numbers=list(numbers)).get("told", [])
        return {number: Glimpse.told(self._entries[number], item) for number, item in zip(numbers, told, strict=False)}


def _seen(bench: Bench, function: SourceFunction, entries: Sequence[Entry]) -> list[Seen]:
    """What the calls that a bench has loaded first are and do, as far as they can be rebuilt."""
    order = list(range(len(entries)))
    replies = bench.ask("replay", key=function.name, order=order, full=True, cpu_s=_EXTEND_CPU_S).get("replies", ())
    return [
        Seen(entry, told["before"], told["observation"])
        for entry, told in zip(entries, replies, strict=False)
        if "observation" in told
    ]
