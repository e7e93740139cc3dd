"""Turns a checkout into a copy beside it that holds bytecode, so that a worker need not compile what nobody changed.

The copy is made once per checkout and interpreter. Its files are the checkout's own (hard links where the file
system has them); caches and built copies that the commit holds are left out, as workers must not see them. What an
answer changed is compiled once for all its workers, in a sandbox too: some short texts take a compiler for ever.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import threading
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.workers import leftovers
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, Limits
from pytest_cereval.source.layout import REPOSITORY, inside_path, python_program

_LIMITS = Limits(wall_s=900, cpu_s=900, memory_mb=2048)
_FILE_S = 60.0
_TEXT_S = 3.0
_KEPT = 4
_MOST_TEXTS = 1000
"""After so many a compiler is replaced, so that nothing that it keeps can add up."""
_TAG = re.compile(r"[\w-]{1,40}")  # without a dot, which ends the name of the source file


def with_bytecode(world: Setting) -> Path:
    """The copy's folder; raises `SandboxError` when compiling itself fails, not when a file does not compile."""
    runtime = world.checkout.runtime
    folder = runtime.with_name(f"{runtime.name}-{_key(world)}")
    if not folder.is_dir():
        making = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
        try:
            _fill(world, making / "tree")
            try:
                (making / "tree").rename(folder)
            except OSError:
                if not folder.is_dir():  # made by another process meanwhile
                    raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


def bytecode_of(tree: Path, path: str) -> str | None:
    """The bytecode file of a source file, both relative to the tree's top; None if it did not compile."""
    file = Path(path)
    cache = tree / file.parent / "__pycache__"
    found = [entry for entry in (cache.iterdir() if cache.is_dir() else ()) if Path(entry.stem).stem == file.stem]
    return found[0].relative_to(tree).as_posix() if found else None


class Compiler:
    """Compiles changed files; never raises for a text, since a worker that gets none compiles by itself.

    Nothing of a text is run, so that one cannot change what becomes of another. Safe to use from several threads.
    """

    def __init__(self, world: Setting) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._asked = 0
        self._known: dict[tuple[str, bytes], bytes] = {}

    def bytecode(self, path: str, text: bytes) -> bytes:
        """The bytecode file for a text in the place of the checkout's file `path`; empty if there is none."""
        key = path, text
        with self._lock:
            if key not in self._known:
                compiled = self._compiled(path, text)
                while len(self._known) >= _KEPT:
                    del self._known[next(iter(self._known))]
                self._known[key] = compiled
            return self._known[key]

    def close(self) -> None:
        """End the process behind it; a later text starts another."""
        with self._lock:
            self._end()

    def _compiled(self, path: str, text: bytes) -> bytes:
        try:
            if self._process is None:
                launch = python_program(self._world.interpreter, "bytecode", binds=())
                self._process, self._asked = self._world.sandbox.start(launch, _LIMITS), 0
            more = {"text": base64.b64encode(text).decode()}
            reply = _ask(self._process, path, _TEXT_S, more)
            found = base64.b64decode(reply.get("bytecode", ""), validate=True)
        except (SandboxError, ValueError):
            self._end()
            return b""
        self._asked += 1
        if self._asked >= _MOST_TEXTS:
            self._end()
        return found

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.finish()


def _fill(world: Setting, tree: Path) -> None:
    runtime = world.checkout.runtime
    left_out = [PurePosixPath(path).relative_to(REPOSITORY).as_posix() for path in leftovers(runtime)]

    def ignored(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if Path(folder, name).relative_to(runtime).as_posix() in left_out}

    shutil.copytree(runtime, tree, symlinks=True, ignore=ignored, copy_function=_link)
    for path in left_out:
        if not path.endswith("__pycache__"):
            (tree / path).mkdir(parents=True)
    launch = python_program(world.interpreter, "bytecode", binds=(Bind(runtime, REPOSITORY),))
    with world.sandbox.start(launch, _LIMITS) as process:
        for file in [file for file in sorted(tree.rglob("*.py")) if file.is_file() and not file.is_symlink()]:
            reply = _ask(process, file.relative_to(tree).as_posix(), _FILE_S)
            if "bytecode" in reply:
                _write(file, reply["tag"], base64.b64decode(reply["bytecode"], validate=True))


def _write(file: Path, tag: str, content: bytes) -> None:
    if not _TAG.fullmatch(tag):
        raise SandboxError(f"the compiler names itself {tag!r}")
    folder = file.parent / "__pycache__"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    compiled = folder / f"{file.stem}.{tag}.pyc"
    compiled.write_bytes(content)
    compiled.chmod(0o644)


def _ask(process: Process, path: str, timeout_s: float, more: dict[str, str] | None = None) -> dict[str, Any]:
    number = secrets.token_hex(4)
    try:
        process.send({"id": number, "file": inside_path(path), **(more or {})})
        reply = process.receive(timeout_s=timeout_s)
    except (FrameClosed, FrameTimeout, FrameError) as error:
        raise SandboxError(f"compiling {path} ended the compiler: {error}\n{process.finish().output}") from error
    if reply.get("id") != number:
        raise SandboxError(f"the compiler answered something else than {path}")
    return reply


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target, follow_symlinks=False)


def _key(world: Setting) -> str:
    """Changes with the interpreter and with any file; of files, size and time of change are enough to tell."""
    runtime = world.checkout.runtime
    parts = [world.interpreter.executable, world.interpreter.version]
    for file in sorted(runtime.rglob("*")):
        about = file.lstat()
        parts.append(f"{file.relative_to(runtime)} {about.st_mode} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]
