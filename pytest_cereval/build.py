"""Turns a repository specification into a suite, or finds it in the cache."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from filelock import FileLock

import pytest_cereval
from pytest_cereval.assembly import Assembly, BuildSettings
from pytest_cereval.categories.category import Progress
from pytest_cereval.oracles.linting import ruff_version
from pytest_cereval.oracles.rarely import rare_collections
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.files import RULES_VERSION
from pytest_cereval.source.ledger import Reason
from pytest_cereval.source.repository import Checkout, Revision, checkout, resolve
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.suite import Suite, oracle_file


@dataclass(frozen=True, slots=True)
class Built:
    """A suite with what the judge needs beside it.

    `reused` are the commits from which certificates, or reasons why there is none, were taken over, by function's name.
    It is no part of the suite: that is the same whatever was known before.
    """

    suite: Suite
    checkout: Checkout
    cached: bool
    reused: dict[str, str] = field(default_factory=dict)


def build_suite(
    spec: str,
    settings: BuildSettings,
    *,
    interpreter: Interpreter,
    sandbox: Callable[[], Sandbox],
    cache_folder: Path,
    progress: Progress,
    fresh: bool = False,
) -> Built:
    """Build, or load from the cache, the suite of `PATH[@REV]`; with `fresh` only the checkout is from the cache.

    `sandbox` is called only if something must be run. Raises `SourceError` for a repository that cannot be used, and
    `SandboxError` or `StoreError` for faults of ours.
    """
    revision = resolve(spec)
    files = checkout(spec, revision, cache_folder)
    basis = {"rules": RULES_VERSION, "code": _code(), "lock": _lock(interpreter)}
    key = cache.cache_key(tree=revision.tree_hash, **basis, settings=settings.to_dict(), name=revision.name)
    file, beside = (cache_folder / "suites" / f"{key}{suffix}" for suffix in (".json", ".reused.json"))
    basis["bounds"] = asdict(settings.bounds)
    with FileLock(_lock_file(cache_folder, revision)):
        found = None if fresh else _cached(file, revision, cache_folder)
        if found is not None:
            return Built(found, files, cached=True, reused=cache.load(beside) or {})
        assembly = Assembly(
            files,
            settings,
            interpreter=interpreter,
            sandbox=sandbox(),
            cache_folder=cache_folder,
            folder=cache_folder / "certified" / cache.cache_key(tree=revision.tree_hash, **basis),
            basis=basis,
            progress=progress,
            fresh=fresh,
        )
        with rare_collections():
            suite = assembly.suite()
        if not any(entry.reason is Reason.INTERNAL for entry in suite.ledger):
            cache.save(beside, assembly.reused)
            cache.save(file, suite.to_dict())
    return Built(suite, files, cached=False, reused=assembly.reused)


def _lock_file(cache_folder: Path, revision: Revision) -> Path:
    cache_folder.mkdir(parents=True, exist_ok=True)
    return cache_folder / f"build-{revision.short}.lock"


def _cached(file: Path, revision: Revision, cache_folder: Path) -> Suite | None:
    data = cache.load(file)
    if data is None:
        return None
    try:
        suite = Suite.from_dict(data | {"revision": revision.to_dict()})
    except (ValueError, KeyError, TypeError):
        return None
    complete = all(oracle_file(cache_folder, task.id).exists() for task in suite.tasks)
    return suite if complete else None


@functools.cache
def _code() -> str:
    """A digest of the modules that make suites, so that no cache outlives the code that filled it."""
    package = Path(pytest_cereval.__file__).parent
    folders = ("source", "inside", "oracles", "tasks", "categories")
    files = [package / "assembly.py", *sorted(file for name in folders for file in (package / name).rglob("*.[pj]*"))]
    texts = [file.read_bytes() for file in files if file.suffix in (".py", ".j2")]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _lock(interpreter: Interpreter) -> str:
    """A digest of the interpreter, of what is installed beside it, and of what draws and checks here."""
    names = sorted(
        f"{item.name}=={item.version}" for item in importlib.metadata.distributions(path=list(interpreter.site))
    )
    tools = {name: importlib.metadata.version(name) for name in ("cloudpickle", "hypothesis")}
    tools |= {"ruff": ruff_version(), "python": platform.python_version()}
    return cache.cache_key(executable=interpreter.executable, version=interpreter.version, installed=names, tools=tools)
