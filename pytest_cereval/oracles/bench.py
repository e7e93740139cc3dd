"""Drives one warm reference process in a sandbox: a thin, typed client of `inside.qualifier`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from pytest_cereval.errors import OracleError, SandboxError
from pytest_cereval.inside.calls import with_pickles
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.oracles.traced import Traced
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, Limits, Sandbox
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.layout import REPOSITORY, import_paths, inside_path, python_program
from pytest_cereval.source.repository import Checkout

REPORT = "this is a fault of pytest-cereval; please report it with the name of the function"
Entry = dict[str, Any]
Item = TypeVar("Item")
_ENTRIES = {"entries", "lent"}
"""What in a question holds entries."""
_WAIT_S = 900.0
_PART_BYTES = 1 << 20
_LIMITS = Limits(wall_s=3600, cpu_s=3600, memory_mb=4096, processes=64, files=256, tmp_mb=64)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where reference code runs: the same for a whole build.

    `modules` goes by the function's name: the module's name as the tests knew it. `view` says what of objects is looked
    at (see `inside.view.View`), everything if it is empty. `ordered` are the names of functions whose callers depend
    on the order of a dictionary. `traced` gathers which functions reference processes run, if anybody asks.
    """

    checkout: Checkout
    sandbox: Sandbox
    interpreter: Interpreter
    import_roots: frozenset[str]
    modules: dict[str, str]
    view: dict[str, Any] = field(default_factory=dict)
    ordered: frozenset[str] = frozenset()
    traced: Traced | None = None

    def target(self, function: SourceFunction) -> dict[str, Any]:
        """How a worker finds the function and what it looks at: module, file, qualified name, first line, view."""
        return {
            "module": self.modules.get(function.name) or function.module,
            "file": inside_path(function.path),
            "qualname": function.qualname,
            "line": function.first_line,
            **self.view,
        }

    def paths(self) -> list[str]:
        """`sys.path` entries that the inside adds: the checkout first; installed packages come last."""
        return import_paths(self.import_roots)


class Bench:
    """One process that has the reference loaded; questions are answered in forks of it, one at a time."""

    def __init__(self, setting: Setting, *, hash_seed: int = 0) -> None:
        launch = python_program(
            setting.interpreter,
            "qualifier",
            binds=(Bind(setting.checkout.runtime, REPOSITORY),),
            hash_seed=hash_seed,
        )
        self._setting = setting
        self._hash_seed = hash_seed
        self._other: Bench | None = None
        self._pickles: dict[str, int] = {}
        self._process: Process = setting.sandbox.start(launch, _LIMITS)
        modules = sorted(set(setting.modules.values()))
        targets = setting.traced.targets if setting.traced else []
        site = list(setting.interpreter.site)
        self.ask("path", path=setting.paths(), site=site, modules=modules, targets=targets, root=REPOSITORY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.finish()
        if self._other is not None:
            self._other.__exit__(None, None, None)

    def other(self) -> Bench:
        """A second process under another hash seed, started when first asked for and ended with this one."""
        if self._other is None:
            self._other = Bench(self._setting, hash_seed=self._hash_seed + 1)
        return self._other

    def load(self, function: SourceFunction, entries: Sequence[Entry]) -> str | None:
        """Import the function and hand over its inputs, in place of the last one; the reason if that fails."""
        self._pickles.clear()
        reply = self.ask("subject", key=function.name, **self._setting.target(function))
        failed: str | None = reply.get("unreachable")
        for part in parts_of(entries) if not failed else ():
            self.ask("entries", key=function.name, entries=part)
        return failed

    def ask(self, op: str, *, cpu_s: float = 60.0, **content: Any) -> dict[str, Any]:
        """One question, each fork for which may use `cpu_s` seconds of processor time.

        Raises `SandboxError` when the process itself is gone, hangs or talks nonsense, and `OracleError` when what
        runs in it fails by a fault of ours: neither says anything about the function.
        """
        for name in _ENTRIES & content.keys():
            content[name] = self._packed(content["key"], content[name])
        request = {"op": op, "cpu_s": cpu_s, **content}
        reply = exchange(self._process, request, _WAIT_S, ("the reference process", f" during {op!r}", f" than {op!r}"))
        if "failed" in reply:
            raise OracleError(f"{op!r} failed in the reference process: {reply['failed']}", next_step=REPORT)
        self._note(content.get("key", ""), reply.pop("ran", ()))
        return reply

    def _packed(self, key: str, entries: Sequence[Entry]) -> list[Entry]:
        """The entries with numbers in place of pickles, each of which is sent once: many edits stand on one call."""
        new: dict[str, int] = {}

        def number(pickle: str) -> int:
            known = self._pickles.get(pickle)
            return new.setdefault(pickle, len(self._pickles) + len(new)) if known is None else known

        packed = [with_pickles(entry, number) for entry in entries]
        for part in _parts(list(new), len):
            self.ask("pickles", key=key, pickles=part)
        self._pickles |= new
        return packed

    def _note(self, name: str, ran: Sequence[int]) -> None:
        """What was run for the function of this name; without one, on import."""
        if ran and self._setting.traced and name:
            self._setting.traced.add(name, ran)
        elif ran and self._setting.traced:
            self._setting.traced.imported(ran)


def exchange(
    process: Process, content: dict[str, Any], timeout_s: float, words: tuple[str, str, str]
) -> dict[str, Any]:
    """One question to a trusted process and its answer, without the id that ties them together.

    `words` are for the `SandboxError` that is raised when the process is gone, hangs or answers something else: who it
    is, when it ended, and than what it answered another question.
    """
    who, during, than = words
    number = secrets.token_hex(4)
    try:
        process.send({"id": number, **content})
        reply = process.receive(timeout_s=timeout_s)
    except (FrameClosed, FrameTimeout, FrameError) as error:
        tail = "\n".join(process.finish().output.strip().splitlines()[-8:])
        raise SandboxError(f"{who} ended{during}: {error}\n{tail}") from error
    if reply.pop("id", None) != number:
        raise SandboxError(f"{who} answered another question{than}")
    return reply


def parts_of(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """The entries in messages that fit a frame, their pickles left out of account."""
    return _parts(entries, _size)


def _size(entry: Entry) -> int:
    inner = sum(_size(entry[name]) for name in ("base", "donor") if entry.get(name))
    return 100 + len(json.dumps(entry.get("edit"))) + inner


def _parts(items: Sequence[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """The items in messages that fit a frame; one item always does, because recorded calls are bounded."""
    part: list[Item] = []
    size = 0
    for item in items:
        more = size_of(item)
        if part and size + more > _PART_BYTES:
            yield part
            part, size = [], 0
        part.append(item)
        size += more
    if part:
        yield part
