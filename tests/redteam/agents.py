"""Turns a warm worker into an agent: a candidate that runs whatever code it is sent, and says what came of it."""

from __future__ import annotations

import textwrap
from types import TracebackType
from typing import Any, Self

from pytest_cereval.oracles.warm import WarmWorkers
from pytest_cereval.sandbox.sandbox import End, Limits
from tests.oracles.judging import FILE, Place, call

_BODY = "def ranked(items, limit=3):\n    space = {}\n    exec(items, space)\n    return repr(space.get('found'))\n"
LIMITS = Limits(wall_s=30, memory_mb=1024, processes=16)


class Agent:
    """One worker, forked for it, that obeys."""

    def __init__(self, place: Place, workers: WarmWorkers, *, hash_seed: int = 0, limits: Limits = LIMITS) -> None:
        candidate = place.candidate("ranked", _BODY)
        world = place.setting
        self.process = workers.start(FILE, candidate.source, hash_seed=hash_seed, limits=limits)
        where = {"path": world.paths(), "site": list(world.interpreter.site)}
        self.process.send({"id": "0", **world.target(place.functions["ranked"]), "line": candidate.line, **where})
        assert "ready" in self.process.receive(timeout_s=20)

    def does(self, code: str) -> str:
        """The text of what the code leaves as `found`; an exception's class and text if it raises."""
        return self.answer(self.asked(code))

    def asked(self, code: str) -> str:
        """Have it begin."""
        self.process.send({"id": "1", "input": call(textwrap.dedent(code), 0, names="items limit")})
        return code

    def answer(self, code: str) -> str:
        """What came of it."""
        value: Any = self.process.receive(timeout_s=20)["observation"]["value"]
        assert isinstance(value, str), (code, value)
        return value

    def end(self) -> End:
        """End it."""
        return self.process.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
