"""Turns root's wish to start something into a start by an unprivileged thread that can reach the sources.

Root must not start a sandbox as itself: the kernel does not enforce RLIMIT_NPROC for uid 0, whatever it is
mapped to inside, and bubblewrap then keeps capabilities. But the unprivileged uid often cannot name what
has to be shown inside (an interpreter below /root, mode 0700), and descriptors do not help, since
bubblewrap resolves them to paths. So one thread takes a private mount namespace, lays a passable directory
over each barred one with only the needed sources bound back at their own paths, drops its own credentials,
and starts the child. Mount namespace and credentials are per thread in Linux (the C library's setuid()
hides this, hence the raw calls). The rest of the process keeps its own.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import platform
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from pytest_cereval.errors import SandboxError

UNPRIVILEGED_ID = 65534
_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
# setgroups, setresgid, setresuid
_CREDENTIAL_CALLS = {"x86_64": (116, 119, 117), "aarch64": (159, 149, 147)}
_STARTED = TypeVar("_STARTED")


class UnprivilegedStart(Generic[_STARTED]):
    """Runs `start` in a thread without privileges and keeps that thread alive until `release`.

    The thread has to stay because the parent-death signal of what it started is bound to it.
    """

    def __init__(self, start: Callable[[], _STARTED], sources: Iterable[Path]) -> None:
        self._start = start
        self._sources = sorted({source.resolve() for source in sources})
        self._over = threading.Event()
        self._ready = threading.Event()
        self._result: list[_STARTED] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="cereval-start", daemon=True)

    def result(self) -> _STARTED:
        """Start and return what `start` returned; raises what it raised, or `SandboxError`."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self._result[0]

    def release(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        # A collection here would run other objects' finalizers without their rights and their file system.
        collecting = gc.isenabled()
        gc.disable()
        try:
            make_reachable(self._sources)
            _drop_thread_credentials()
            self._result.append(self._start())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that called result()
            self._failure = error
        finally:
            if collecting:
                gc.enable()
            self._ready.set()
        if self._failure is None:
            self._over.wait()


def give_away(paths: Iterable[Path]) -> None:
    """Let the unprivileged user own these files or directories themselves, so that it may write to them."""
    for path in paths:
        os.chown(path, UNPRIVILEGED_ID, UNPRIVILEGED_ID)


def make_reachable(sources: Iterable[Path]) -> None:
    """Give the calling thread a mount namespace in which any uid can reach `sources` (resolved host paths).

    Without CAP_SYS_ADMIN nothing is changed and sources that need it raise `SandboxError`.
    """
    barred: dict[Path, list[Path]] = {}
    for source in sources:
        _require_open_to_all(source)
        barrier = _outermost_barrier(source)
        if barrier is not None:
            barred.setdefault(barrier, []).append(source)
    if not barred:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        first = next(iter(barred.values()))[0]
        raise SandboxError(
            f"root would have to give up its identity for the sandbox, but {first} is then out of reach, "
            f"and this container does not let root rearrange mounts ({os.strerror(ctypes.get_errno())})",
            next_step="run as an ordinary user, or put interpreter and repository where every user can read",
        )
    _mount(libc, None, Path("/"), None, _MS_REC | _MS_PRIVATE)
    for barrier, behind in barred.items():
        _lay_over(libc, barrier, behind)


def _lay_over(libc: ctypes.CDLL, barrier: Path, behind: list[Path]) -> None:
    """Cover `barrier` with an empty, passable directory and bind `behind` back to where they were."""
    # Opened inside the new namespace (the kernel refuses to bind from another one) and before they are
    # covered.
    held = [(source, os.open(source, os.O_PATH | os.O_CLOEXEC)) for source in behind]
    try:
        _mount(libc, "tmpfs", barrier, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755,size=1m")
        for source, fd in held:
            if source.exists():
                continue  # below another source that is back already
            source.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                source.mkdir()
            else:
                source.touch()
            _mount(libc, f"/proc/self/fd/{fd}", source, None, _MS_BIND | _MS_REC)
    finally:
        for _, fd in held:
            os.close(fd)


def _outermost_barrier(source: Path) -> Path | None:
    for parent in reversed(source.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


def _require_open_to_all(source: Path) -> None:
    mode = source.stat().st_mode
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    if mode & needed != needed:
        raise SandboxError(
            f"{source} (mode {stat.S_IMODE(mode):04o}) cannot be read by the unprivileged user (uid "
            f"{UNPRIVILEGED_ID}) that root becomes for the sandbox",
            next_step=f"chmod -R o+rX {source}, or run as an ordinary user",
        )


def _mount(
    libc: ctypes.CDLL,
    source: str | None,
    target: Path,
    kind: str | None,
    flags: int,
    options: str | None = None,
) -> None:
    def encoded(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    if libc.mount(encoded(source), os.fsencode(target), encoded(kind), ctypes.c_ulong(flags), encoded(options)):
        raise SandboxError(
            f"mounting on {target} in a private namespace failed: {os.strerror(ctypes.get_errno())}",
            next_step="run as an ordinary user",
        )


def _drop_thread_credentials() -> None:
    """Make the calling thread, and only it, uid and gid 65534 with no groups and no capabilities."""
    calls = _CREDENTIAL_CALLS.get(platform.machine())
    if calls is None:
        raise SandboxError(
            f"root cannot give up its identity on {platform.machine()}: system call numbers unknown",
            next_step="run as an ordinary user",
        )
    libc = ctypes.CDLL(None, use_errno=True)
    set_groups, set_gids, set_uids = calls
    target = (UNPRIVILEGED_ID,) * 3
    for number, arguments in ((set_groups, (0, None)), (set_gids, target), (set_uids, target)):
        if libc.syscall(number, *arguments):
            code = ctypes.get_errno()
            raise SandboxError(
                f"root cannot give up its identity: {errno.errorcode.get(code, code)}",
                next_step="run as an ordinary user, or allow CAP_SETUID and CAP_SETGID",
            )
