"""Turns an interpreter and a checkout into the set of modules that a task's code can import, and what else exists.

Nothing of the target environment is imported in this process: installed packages are known by their metadata and by
the names of their files, the standard library and the members of modules by what a sandboxed interpreter says.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import pkgutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_cereval.dependencies.members import Members
from pytest_cereval.dependencies.registry import Registry
from pytest_cereval.inside import members
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.repository import Checkout
from pytest_cereval.tasks.cache import cache_key


@dataclass(frozen=True, slots=True)
class World:
    """What one task's code can import: `modules` are top-level names, `own` those of the repository.

    `elsewhere` are names that exist in the repository's tests or among installed packages that candidates do not see.
    """

    own: frozenset[str]
    modules: frozenset[str]
    elsewhere: frozenset[str]
    registry: Registry
    outside_members: Members
    own_members: Members

    def exists(self, module: str) -> bool:
        """Whether a top-level module that cannot be imported here is known to exist somewhere."""
        return module in self.elsewhere or self.registry.knows(module)

    def members(self, module: str) -> Members:
        """Who knows what a top-level module holds."""
        return self.own_members if module in self.own else self.outside_members


@dataclass(slots=True)
class Environment:
    """What is known of one interpreter, shared by all checks of a run; safe to use from several threads."""

    interpreter: Interpreter
    sandbox: Sandbox
    cache_folder: Path | None = None
    registry: Registry = field(default_factory=Registry)
    _worlds: dict[tuple[Path, frozenset[str], tuple[str, ...]], World] = field(default_factory=dict, repr=False)
    _own: dict[tuple[Path, frozenset[str]], Members] = field(default_factory=dict, repr=False)
    _outside: Members | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def describe(self) -> dict[str, Any]:
        """What findings depend on, for the record of a run: JSON builtins."""
        return {
            "python": self.interpreter.version,
            "installed": installed_digest(self.interpreter),
            "registry": self.registry.describe(),
        }

    def world(self, checkout: Checkout, import_roots: frozenset[str], hidden: tuple[str, ...] = ()) -> World:
        """The world of a task; `hidden` are the inside paths that candidates do not see. Raises `SandboxError`."""
        key = (checkout.runtime, import_roots, hidden)
        with self._lock:
            if key not in self._worlds:
                self._worlds[key] = self._made(checkout, import_roots, hidden)
            return self._worlds[key]

    def _made(self, checkout: Checkout, roots: frozenset[str], hidden: tuple[str, ...]) -> World:
        outside = self._members()
        installed = installed_modules(self.interpreter.site)
        unseen = frozenset(_module_of_entry(Path(path).name) for path in hidden) & installed
        own = repository_modules(checkout.runtime, roots)
        seen = installed - unseen if not set(self.interpreter.site) & set(hidden) else frozenset()
        place = (checkout.runtime, roots)
        if place not in self._own:
            self._own[place] = Members(self.interpreter, self.sandbox, None, checkout, roots)
        return World(
            own=own,
            modules=own | outside.standard() | seen,
            elsewhere=repository_modules(checkout.full, roots) | installed,
            registry=self.registry,
            outside_members=outside,
            own_members=self._own[place],
        )

    def _members(self) -> Members:
        if self._outside is None:
            folder = None
            if self.cache_folder is not None:
                key = cache_key(code=_code(), installed=installed_digest(self.interpreter))
                folder = self.cache_folder / "members" / key
            self._outside = Members(self.interpreter, self.sandbox, folder)
        return self._outside


@functools.cache
def _code() -> str:
    """A digest of the program that looks, so that no cache outlives the code that filled it."""
    return hashlib.sha256(Path(members.__file__).read_bytes()).hexdigest()


@functools.cache
def installed_digest(interpreter: Interpreter) -> str:
    """A digest of the interpreter and of the packages installed beside it."""
    names = sorted(f"{found.name}=={found.version}" for found in _distributions(interpreter.site))
    return cache_key(executable=interpreter.executable, version=interpreter.version, installed=names)


@functools.cache
def installed_modules(site: tuple[str, ...]) -> frozenset[str]:
    """Top-level names that can be imported from these folders, by metadata and by the files that lie there."""
    names = {found.name for found in pkgutil.iter_modules(list(site))}
    for distribution in _distributions(site):
        names |= set((distribution.read_text("top_level.txt") or "").split())
        for file in distribution.files or ():
            if len(file.parts) > 1 and file.suffix in (".py", ".so", ".pyd"):
                names.add(file.parts[0])
    present = (name for name in names if any(_lies_in(Path(folder), name) for folder in site))
    return frozenset(name for name in present if name.isidentifier())


def _lies_in(folder: Path, name: str) -> bool:
    """Whether files of a module are there, and not only its metadata, as where a package is installed by a link."""
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file() or any(folder.glob(f"{name}.*.so"))


def _distributions(site: tuple[str, ...]) -> Iterable[importlib.metadata.Distribution]:
    return importlib.metadata.distributions(path=list(site))


def _module_of_entry(name: str) -> str:
    return name.partition(".")[0]


@functools.cache
def repository_modules(tree: Path, roots: frozenset[str]) -> frozenset[str]:
    """Top-level names that can be imported from a checkout's import roots: files, and folders that hold Python."""
    found = set()
    for root in roots:
        folder = tree / root
        for entry in folder.iterdir() if folder.is_dir() else ():
            name = _module_of_entry(entry.name)
            if entry.suffix in (".py", ".so") or (entry.is_dir() and next(entry.rglob("*.py"), None)):
                found.add(name)
    return frozenset(name for name in found if name.isidentifier())
