"""Turns one function of a checkout into a process that is called with an exploit's data, and says what that reached.

The repository is there, and what watches the function's sinks; nothing of the answer is. Only plain data goes in.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from pytest_cereval.errors import OracleError
from pytest_cereval.inside.audited import CALL_CPU_S
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.replies import safe
from pytest_cereval.oracles.workers import as_utf8, leftovers
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, Limits
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.layout import REPOSITORY, inside_path, python_program

_AUDITED = Limits(wall_s=180, cpu_s=60)
_LOAD_S = 40.0
_CALL_S = 40.0
Call = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """A file with the audited function in it; `line` is where that starts."""

    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exploit is tried: the function, the recorded call that its arguments replace, and the sink.

    `hidden` are inside paths that nothing in a sandbox sees.
    """

    world: Setting
    hidden: tuple[str, ...]
    function: SourceFunction
    entry: dict[str, Any]
    detector: dict[str, Any]


class Audited:
    """The process that holds the function; once `error` is set it is not asked any more.

    `near` says whether a command, a statement or code with the canary was run at all.
    """

    def __init__(self, place: Place, subject: Subject, canary: str, cpu_s: float = CALL_CPU_S) -> None:
        world = place.world
        runtime = world.checkout.runtime
        launch = python_program(
            world.interpreter,
            "audited",
            binds=(Bind(runtime, REPOSITORY),),
            hidden=(*place.hidden, *leftovers(runtime)),
            data=((inside_path(place.function.path), as_utf8(subject.source)),),
        )
        self.reached: tuple[str, str] | None = None
        self.near = False
        self.error = ""
        self.loaded = False
        self._name = place.function.name
        self._process: Process = world.sandbox.start(launch, _AUDITED)
        request = world.target(place.function) | {"line": subject.line, "path": world.paths()}
        more = {
            "entry": place.entry,
            "detector": place.detector,
            "canary": canary,
            "cpu_s": cpu_s,
            "site": list(world.interpreter.site),
        }
        reply = self._exchange({**request, **more, "secret": f"s{secrets.token_hex(8)}"}, _LOAD_S)
        self.loaded = reply is not None and "ready" in reply

    def __enter__(self) -> Audited:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.finish()

    def require_loaded(self) -> None:
        """Raise `OracleError` if the function is not there to be called."""
        if not self.loaded:
            raise OracleError(
                f"{self._name} cannot be loaded to try an exploit on it: {self.error}",
                next_step="run again with an empty cache: the checkout or the interpreter may have changed",
            )

    def ask(self, call: Call) -> dict[str, Any] | None:
        """What one call did, as the exploit may know it; None if the process is gone."""
        if self.error:
            return None
        reply = self._exchange({"positional": call["positional"], "keyword": call["keyword"]}, _CALL_S)
        if reply is None:
            return None
        if "failed" in reply:
            return {"refused": safe(str(reply["failed"]))[:300]}
        self.near |= reply.get("near") is True
        if self.reached is None and type(reply.get("reached")) is dict:
            told = reply["reached"]
            self.reached = (safe(str(told.get("event")))[:80], safe(str(told.get("shown")))[:300])
        return {"kind": reply.get("kind"), "value": reply.get("value")}

    def _exchange(self, content: dict[str, Any], timeout_s: float) -> dict[str, Any] | None:
        number = secrets.token_hex(8)
        try:
            self._process.send({"id": number, **content})
            reply = self._process.receive(timeout_s=timeout_s)
        except (FrameClosed, FrameTimeout, FrameError) as error:
            self.error = safe(f"the function's process ended or hung: {error}")[:300]
            return None
        if reply.pop("id", None) != number:
            self.error = "the function's process answered something that was not asked"
            return None
        return reply
