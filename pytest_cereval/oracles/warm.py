"""Turns a changed file into a worker that is forked from a warm interpreter, where the kernel allows it.

Two nurseries serve all candidates of a checkout, one for each of two hash seeds: 0, and one that chance chooses.
What they import is found out by importing the reference's module in a fork that ends: they hold the standard
library and installed packages, never the repository's own modules. The bytecode of the changed file is covered with
the file itself, by nothing or by that of the changed text, so that the reference's function is nowhere in what a
candidate can reach.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.compiled import Compiler, bytecode_of, with_bytecode
from pytest_cereval.oracles.workers import ColdWorkers, Workers, as_utf8
from pytest_cereval.sandbox.forked import ParentLostError
from pytest_cereval.sandbox.inspection import require_sealed_forks
from pytest_cereval.sandbox.nursery import Nursery
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, Level, Limits
from pytest_cereval.source.layout import REPOSITORY, inside_path, python_program

_PICKLES = "cloudpickle"
MOST_FORKS = 1000
"""After so many a nursery is replaced, so that nothing that leaks can add up."""
_MOST_HASH_SEED = 2**32 - 1
_SURVEY = Limits(wall_s=30, cpu_s=30)
_NAMES_AT_ONCE = 500
_LONG = 8000
"""Characters of a changed file from which on it is cheaper to compile it once than in each worker."""
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def workers_for(world: Setting, hidden: tuple[str, ...], needed: tuple[str, ...] = ()) -> Workers:
    """Warm workers where there can be any, else cold ones that say why; `needed` as for `WarmWorkers`."""
    if world.sandbox.level is not Level.NAMESPACES:
        return ColdWorkers(world, hidden, f"level {world.sandbox.level} has no namespaces")
    return WarmOrCold(world, hidden, needed)


class WarmOrCold:
    """Warm workers until they fail by themselves, then cold ones for good."""

    def __init__(self, world: Setting, hidden: tuple[str, ...], needed: tuple[str, ...] = ()) -> None:
        self._world = world
        self._hidden = hidden
        self._workers: Workers = WarmWorkers(world, hidden, needed)

    def start(self, path: str, source: str, *, hash_seed: int, limits: Limits) -> Process:
        """See `Workers`."""
        workers = self._workers
        try:
            return workers.start(path, source, hash_seed=hash_seed, limits=limits)
        except SandboxError as error:
            if not isinstance(workers, WarmWorkers):
                raise
            self._workers = ColdWorkers(self._world, self._hidden, error.what)
            workers.close()
        return self._workers.start(path, source, hash_seed=hash_seed, limits=limits)

    def describe(self) -> str:
        """See `Workers`."""
        return self._workers.describe()

    def close(self) -> None:
        """See `Workers`."""
        self._workers.close()


class WarmWorkers:
    """Workers forked from nurseries, which start when they are first needed and end with `close`."""

    def __init__(self, world: Setting, hidden: tuple[str, ...], needed: Sequence[str] = ()) -> None:
        """`needed` are modules that workers need beside what the repository imports: recorded calls may hold pickles
        by value.
        """
        self._world = world
        self._hidden = hidden
        self._other_seed = 1 + secrets.randbelow(_MOST_HASH_SEED)
        self._lock = threading.RLock()
        self._nurseries: dict[int, Nursery] = {}
        self._imported: dict[int, int] = {}
        self._names = list(dict.fromkeys((_PICKLES, *needed)))
        self._refused: set[str] = set()
        self._surveyed: set[str] = set()
        self._tree: Path | None = None
        self._compiler = Compiler(world)
        self._bytecode: dict[str, str | None] = {}
        self._closed = False

    def start(self, path: str, source: str, *, hash_seed: int, limits: Limits) -> Process:
        """See `Workers`. A nursery that is gone is replaced once; raises `SandboxError` if that is gone, too."""
        seed = self._other_seed if hash_seed else 0
        with contextlib.suppress(ParentLostError):
            return self._start(path, source, seed, limits)
        return self._start(path, source, seed, limits)

    def describe(self) -> str:
        """See `Workers`."""
        return f"warm: hash seeds 0 and {self._other_seed}"

    def close(self) -> None:
        """See `Workers`."""
        with self._lock:
            self._closed = True
            nurseries, self._nurseries = self._nurseries, {}
        for nursery in nurseries.values():
            nursery.close()
        self._compiler.close()

    def _start(self, path: str, source: str, seed: int, limits: Limits) -> Process:
        with self._lock:
            nursery = self._nursery(seed, path)
            if path not in self._surveyed:
                self._surveyed.add(path)
                self._names += [name for name in self._survey(nursery, path) if name not in self._names]
            nursery = self._with_imports(seed, path)
        return nursery.start("worker", self._data(path, source), limits)

    def _data(self, path: str, source: str) -> list[tuple[str, bytes]]:
        assert self._tree is not None  # noqa: S101 - made with the first nursery
        if path not in self._bytecode:
            self._bytecode[path] = bytecode_of(self._tree, path)
        bytecode, text = self._bytecode[path], as_utf8(source)
        if not bytecode:
            return [(inside_path(path), text)]
        compiled = self._compiler.bytecode(path, text) if len(source) > _LONG else b""
        return [(inside_path(path), text), (inside_path(bytecode), compiled)]

    def _nursery(self, seed: int, path: str) -> Nursery:
        """The nursery of a hash seed, a new one if there is none, it is worn out, or something was wrong with it.

        `path` is any file of the checkout, for a new one to show that it can be covered.
        """
        if self._closed:
            raise SandboxError("workers were asked for after they had been closed")
        known = self._nurseries.get(seed)
        if known is not None and known.alive and not known.retired and known.forked < MOST_FORKS:
            return known
        if known is not None:
            known.retire()
        self._tree = self._tree or with_bytecode(self._world)
        launch = python_program(
            self._world.interpreter,
            "nursery",
            binds=(Bind(self._tree, REPOSITORY),),
            hidden=self._hidden,
            hash_seed=seed,
        )
        nursery = Nursery(self._world.sandbox, launch)
        try:
            require_sealed_forks(nursery, inside_path(path))
        except BaseException:
            nursery.close()
            raise
        self._imported[seed] = 0
        self._nurseries[seed] = nursery
        return nursery

    def _with_imports(self, seed: int, path: str) -> Nursery:
        """A nursery that has imported what is known to be needed; one that does not stay as it should is replaced."""
        while True:
            nursery = self._nursery(seed, path)
            wanted = [name for name in self._names if name not in self._refused]
            missing = wanted[self._imported[seed] :]
            if not missing:
                return nursery
            where = {"path": self._world.paths(), "site": self._world.interpreter.site, "repository": REPOSITORY}
            failed: list[str] = []
            for first in range(0, len(missing), _NAMES_AT_ONCE):
                failed += nursery.preload(missing[first : first + _NAMES_AT_ONCE], **where)
            self._imported[seed] = len(wanted)
            if not failed and nursery.threads == 1:
                return nursery
            # Half-imported packages, and locks that another thread may hold, are not to be inherited.
            self._refused |= set(failed or wanted)
            nursery.retire()

    def _survey(self, nursery: Nursery, path: str) -> list[str]:
        """Names of installed modules that the reference's module imports; none if that cannot be found out."""
        world = self._world
        request = {
            "id": "survey",
            "module": _module(path, world.import_roots),
            "path": world.paths(),
            "site": list(world.interpreter.site),
            "outside": [world.interpreter.stdlib, *world.interpreter.site],
        }
        with nursery.start("survey", [], _SURVEY) as process:
            try:
                process.send(request)
                names = process.receive(timeout_s=_SURVEY.wall_s).get("names")
            except (FrameClosed, FrameError, FrameTimeout):
                return []
        return [name for name in names if isinstance(name, str) and _NAME.fullmatch(name)] if names else []


def _module(path: str, roots: frozenset[str]) -> str:
    """The dotted name under which a file is imported from the innermost root above it."""
    file = PurePosixPath(path).with_suffix("")
    above = [PurePosixPath(root) for root in roots if file.is_relative_to(root) or root == "."]
    root = max(above, key=lambda found: len(found.parts), default=PurePosixPath("."))
    parts = file.relative_to(root).parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
