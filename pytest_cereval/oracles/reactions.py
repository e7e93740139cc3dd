"""Turns variants of a function into how the repository's own tests react to them, on a warm bench."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.oracles.testbench import TestBench
from pytest_cereval.oracles.trial import Result
from pytest_cereval.oracles.variants import Variant
from pytest_cereval.source.functions import SourceFunction

FUNCTION_S = 45.0
"""Seconds of processor time that one function's variants may take; one that needs more gets no certificate."""
_FUNCTION_WALL_S = 300.0
RUN_S = 60.0
"""Seconds of processor time for one run of the tests of one function."""
_LEAST_S = 1.0
_LEAST_WALL_S = 4.0
_MULTIPLE = 10


def in_families(tests: Iterable[str]) -> list[str]:
    """One test of each function of the tests, then the next of each: parameters do not drown other tests."""
    families: dict[str, list[str]] = {}
    for test in tests:
        families.setdefault(test.partition("[")[0], []).append(test)
    turns = max(map(len, families.values()), default=0)
    return [members[turn] for turn in range(turns) for members in families.values() if turn < len(members)]


class Reactions:
    """The tests of one function: `chosen` ones, and `spare` ones that join them when they tell a variant apart.

    Raises `SandboxError` if the tests do not pass on the reference any more.
    """

    def __init__(
        self,
        bench: TestBench,
        function: SourceFunction,
        target: dict[str, Any],
        chosen: Sequence[str],
        spare: Sequence[str],
    ) -> None:
        self._bench = bench
        self._target = {**target, "qualname": function.qualname}
        self._order = list(chosen)
        self._spare = list(spare)
        self.chosen = list(chosen)
        self._cpu_s, self._wall_s = RUN_S, 2 * RUN_S
        self._started = time.monotonic()
        self._used_s = 0.0
        reply = self._ask([*chosen, *spare])
        if not reply.get("ended") or any(word != "passed" for _, word, _ in reply["ended"]):
            raise SandboxError(f"the tests of {function.name} pass alone and not in a row")
        self._cpu_s = max(_LEAST_S, _MULTIPLE * reply["cpu_s"])
        self._wall_s = max(_LEAST_WALL_S, _MULTIPLE * reply["wall_s"])

    @property
    def late(self) -> bool:
        """Whether the variants have used up their time."""
        return self._used_s > FUNCTION_S or time.monotonic() - self._started > _FUNCTION_WALL_S

    def run_all(self, variants: Iterable[Variant], *, extend: bool = True) -> list[Result]:
        """Every variant that fits in the function's place, as long as there is time; see `late`."""
        found = []
        for variant in variants:
            if self.late:
                break
            reply = self._ask(self._order, variant)
            if "unbuildable" in reply:
                continue
            result = Result(variant, passes=True, equivalent="equivalent" in reply)
            if not result.equivalent:
                self._judge(result, reply, extend=extend)
            found.append(result)
        return found

    def _judge(self, result: Result, reply: dict[str, Any], *, extend: bool) -> None:
        killer = _killer(reply)
        if killer is None and "ended" in reply and extend and self._spare:
            reply = self._ask(self._spare, result.variant)
            killer = _killer(reply)
            if killer is not None:
                self._spare.remove(killer)
                self.chosen.append(killer)
                self._order.append(killer)
        if killer is not None:
            result.killers.add(killer)
            self._order.remove(killer)  # what told one variant apart is likely to tell the next
            self._order.insert(0, killer)
        result.cut_short = "ended" not in reply
        result.passes = killer is None and not result.cut_short

    def covered(self, reporter: Variant) -> int:
        """How many outcomes of decisions the chosen tests see."""
        return len(self._ask(self.chosen, reporter, stop=False).get("branches", ()))

    def failing(self, variant: Variant) -> list[str] | None:
        """The chosen tests that do not pass with a variant, all of them; None if it ends the process."""
        ended = self._ask(self.chosen, variant, stop=False).get("ended")
        return None if ended is None else [name for name, word, _ in ended if word != "passed"]

    def _ask(self, tests: Sequence[str], variant: Variant | None = None, *, stop: bool = True) -> dict[str, Any]:
        body = {"source": variant.source, "defaults": variant.defaults} if variant else {"source": None, "defaults": ()}
        limits = {"cpu_s": self._cpu_s, "wall_s": self._wall_s}
        reply = self._bench.ask("run", tests=list(tests), stop=stop, **self._target, **body, **limits)
        self._used_s += self._cpu_s if "timed_out" in reply else reply.get("cpu_s", 0.0)
        return reply


def _killer(reply: dict[str, Any]) -> str | None:
    ended = reply.get("ended")
    return ended[-1][0] if ended and ended[-1][1] != "passed" else None
