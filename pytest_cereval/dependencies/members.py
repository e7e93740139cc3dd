"""Turns dotted names into whether they are there, by what sandboxed interpreters have said of their modules.

What is said of the standard library and of installed packages is kept below the cache folder, by interpreter and what
is installed beside it; what is said of a repository's own modules only as long as the run lasts.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.inside.members import MISSING, MODULE, STATIC, UNKNOWN, attribute_of
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Bind, Launch, Limits, Sandbox
from pytest_cereval.source.layout import REPOSITORY, import_paths, python_program
from pytest_cereval.source.repository import Checkout
from pytest_cereval.tasks.cache import cache_key, load, save

_LIMITS = Limits(wall_s=180, cpu_s=120, memory_mb=4096, processes=64, files=256, tmp_mb=64)
_ANSWER_S = 170.0
_WITHOUT_DOUBT = (MODULE, MISSING, "other")


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of a dotted name: `there`, `absent` or `unknown`; `static` where only the source was read.

    `at` is the part up to the first step that is not there; `keywords` are the names that what is there accepts, None
    where any may do or nothing is known.
    """

    state: str
    at: tuple[str, ...] = ()
    static: bool = False
    keywords: frozenset[str] | None = None


@dataclass(slots=True)
class Members:
    """The modules of one world: an interpreter with what is installed, and a repository if there is a `checkout`.

    One lock for all: whoever waits would ask for the same modules.
    """

    interpreter: Interpreter
    sandbox: Sandbox
    folder: Path | None = None
    checkout: Checkout | None = None
    import_roots: frozenset[str] = frozenset()
    _known: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    _there: dict[tuple[str, str], bool] = field(default_factory=dict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def standard(self) -> frozenset[str]:
        """Top-level names of the interpreter's standard library; raises `SandboxError`."""
        file = self.folder / "standard.json" if self.folder else None
        names = load(file) if file else None
        if names is None:
            names = self._ask([{"standard": True}])[0]["standard"]
            if file:
                save(file, names)
        return frozenset(names)

    def prepare(self, modules: Iterable[str]) -> None:
        """Learn of several modules in one go; raises `SandboxError`."""
        with self._lock:
            missing = [name for name in dict.fromkeys(modules) if not self._is_known(name)]
            if missing:
                self._learn(missing)

    def look(self, path: Sequence[str]) -> Looked:
        """What the attributes `path[1:]` of the module `path[0]` are, one after the other; raises `SandboxError`.

        Attributes of anything but modules are not looked at: there is no saying what an object grows.
        """
        with self._lock:
            key = path[0]
            for number, name in enumerate(path[1:], 1):
                known = self._of(key)
                if known["state"] not in (MODULE, STATIC):
                    return _end(known, path[:number])
                following = _following(known, key, name)
                if following is None and name in known["names"]:
                    keywords = known["keywords"].get(name) if number == len(path) - 1 else None
                    found = None if keywords is None else frozenset(keywords)
                    return Looked("there", static=known["state"] == STATIC, keywords=found)
                if following is None and known["state"] == STATIC:
                    return Looked("unknown" if known["lazy"] else "absent", tuple(path[: number + 1]), static=True)
                if following is None and not (known["lazy"] and self._has(key, name)):
                    return Looked("absent", tuple(path[: number + 1]))
                key = following or attribute_of(key, name)
            return _end(self._of(key), path)

    def _is_known(self, name: str) -> bool:
        if name not in self._known and self.folder is not None:
            found = load(self._file(name))
            if found is not None:
                self._known[name] = found
        return name in self._known

    def _of(self, name: str) -> dict[str, Any]:
        if not self._is_known(name):
            self._learn([name])
        return self._known[name]

    def _has(self, module: str, name: str) -> bool:
        """Whether an attribute is there that is only made when it is asked for."""
        key = (module, name)
        if key not in self._there:
            self._there[key] = self._ask([{"attribute": attribute_of(module, name)}])[0]["there"]
        return self._there[key]

    def _learn(self, names: list[str]) -> None:
        for name, reply in zip(names, self._ask([{"modules": [name]} for name in names]), strict=True):
            self._known[name] = reply["modules"][name]
            # What could not be imported may be importable another time: a limit may have been at fault.
            if self.folder is not None and self._known[name]["state"] in _WITHOUT_DOUBT:
                save(self._file(name), self._known[name])

    def _file(self, name: str) -> Path:
        assert self.folder is not None  # noqa: S101 - both callers have looked
        return self.folder / f"{cache_key(name=name)}.json"

    def _ask(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The replies to requests in one sandbox, which ends with them; raises `SandboxError`."""
        number = secrets.token_hex(4)
        where = {"id": number, "path": import_paths(self.import_roots), "site": list(self.interpreter.site)}
        replies = []
        with self.sandbox.start(self._launch(), _LIMITS) as process:
            try:
                for request in requests:
                    process.send({**where, **request})
                    reply = process.receive(timeout_s=_ANSWER_S)
                    if reply.pop("id", None) != number:
                        raise FrameError("an answer to another question")
                    replies.append(reply)
            except (FrameClosed, FrameTimeout, FrameError) as error:
                tail = "\n".join(process.finish().output.strip().splitlines()[-5:])
                raise SandboxError(f"the process that looks modules up ended: {error}\n{tail}") from error
        return replies

    def _launch(self) -> Launch:
        binds = () if self.checkout is None else (Bind(self.checkout.runtime, REPOSITORY),)
        return python_program(self.interpreter, "members", binds=binds)


def _following(known: dict[str, Any], key: str, name: str) -> str | None:
    """The key of a module that is an attribute of another or lies below it; None where the name is no module."""
    found: str | None = known["modules"].get(name)
    if found is not None:
        return found or attribute_of(key, name)
    return f"{key}.{name}" if name in known["submodules"] and name not in known["names"] and ":" not in key else None


def _end(known: dict[str, Any], path: Sequence[str]) -> Looked:
    """For a name all of whose parents hold the next part as a module."""
    if known["state"] == MISSING:
        return Looked("absent", tuple(path))
    return Looked("unknown" if known["state"] == UNKNOWN else "there", static=known["state"] == STATIC)
