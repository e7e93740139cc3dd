"""Turns a `Launch` into bubblewrap's options: the file system, environment and identity the program sees.

Order matters: a later mount covers an earlier one, so the system comes first, then binds from the root
outwards, then masks, then data, and only then is everything that must not be written to made read-only.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox.sandbox import DEFAULT_ENVIRONMENT, Bind, Launch, Limits

_LINKED_TO_USR = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# /etc holds only what the dynamic loader and Debian's library alternatives need; /nix/store is NixOS's /usr.
_SYSTEM = ("/usr", "/nix/store", "/etc/ld.so.cache", "/etc/alternatives")
_SHM = "/dev/shm"  # noqa: S108 - inside the sandbox
SHM_MB = 1  # the C library keeps semaphores in /dev/shm; without them not even a ThreadPool starts
_TMP = "/tmp"  # noqa: S108 - inside the sandbox
# No namespace is shared, no capability is kept, and no terminal can be typed into.
SEALED = (
    *("--unshare-all", "--unshare-user", "--new-session", "--die-with-parent"),
    *("--cap-drop", "ALL", "--clearenv", "--uid", "65534", "--gid", "65534", "--hostname", "sandbox"),
)
_NO_NESTING = ("--disable-userns",)
_NESTING = ("--cap-add", "CAP_SYS_ADMIN")  # in the sandbox's user namespace, and nowhere else
# What --dev shows, without pseudo-terminals: those would be shared by what nests, and for their sake bubblewrap makes a
# second user namespace, in which the capability says nothing about the sandbox's other namespaces.
_DEVICE_FILES = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")]
_DEVICES = (
    *("--tmpfs", "/dev", "--dir", "/dev/pts"),
    *(part for file in _DEVICE_FILES for part in ("--dev-bind", file, file)),
)


def options(launch: Launch, limits: Limits) -> list[str | bytes]:
    """The options before `--`; bytes stand for the number of a descriptor from which they can be read.

    Expects what `checked` returned.
    """
    binds = system_binds() + sorted(launch.binds, key=_depth)
    masks = _masks(launch.hidden, binds)
    found: list[str | bytes] = [
        *SEALED,
        *(_NESTING if launch.nests else _NO_NESTING),
        "--size",
        str(limits.tmp_mb << 20),
        "--tmpfs",
        _TMP,
        *_system_links(),
    ]
    for bind in binds:
        found += ["--ro-bind", os.fspath(bind.source), bind.target]
    for bind in sorted(launch.writable, key=_depth):
        found += ["--bind", os.fspath(bind.source), bind.target]
    for path, is_directory in masks:
        found += ["--tmpfs", path] if is_directory else ["--ro-bind-data", b"", path]
    for path, content in launch.data:
        found += ["--perms", "0444", "--ro-bind-data", content, path]
    for path, is_directory in masks:
        found += ["--remount-ro", path] if is_directory else []
    found += [*(_DEVICES if launch.nests else ("--dev", "/dev"))]
    found += ["--size", str(SHM_MB << 20), "--tmpfs", _SHM, "--remount-ro", "/dev"]
    found += ["--remount-ro", "/", "--chdir", launch.cwd]
    for name, value in dict((*DEFAULT_ENVIRONMENT, *launch.env)).items():
        found += ["--setenv", name, value]
    return found


def checked(launch: Launch) -> Launch:
    """The launch with its sources resolved; every backend calls this first.

    Raises `SandboxError` for a source that does not exist or an inside path that is not absolute and plain.
    """
    binds = launch.binds + launch.writable
    inside = [b.target for b in binds] + [path for path, _ in launch.data] + [*launch.hidden, launch.cwd]
    for path in inside:
        if not path.startswith("/") or path != os.path.normpath(path) or path == "/":
            raise SandboxError(
                f"not a plain absolute path inside the sandbox: {path!r}",
                next_step="give it without '..', double or trailing slashes, and not as '/' itself",
            )
    for bind in binds:
        if not bind.source.exists():
            raise SandboxError(
                f"the sandbox should show {bind.source} as {bind.target}, but it does not exist",
                next_step="check the path, or prepare it again",
            )
    return dataclasses.replace(
        launch,
        binds=tuple(Bind(bind.source.resolve(), bind.target) for bind in launch.binds),
        writable=tuple(Bind(bind.source.resolve(), bind.target) for bind in launch.writable),
    )


def system_binds() -> list[Bind]:
    """What of the host's system every sandbox shows, read-only."""
    directories = [name for name in _LINKED_TO_USR if Path(name).is_dir() and not Path(name).is_symlink()]
    return [Bind(Path(name), name) for name in (*_SYSTEM, *directories) if Path(name).exists()]


def _system_links() -> list[str]:
    found = []
    for name in _LINKED_TO_USR:
        if Path(name).is_symlink():
            found += ["--symlink", os.fspath(Path(name).readlink()), name]
    return found


def _masks(hidden: Iterable[str], binds: list[Bind]) -> list[tuple[str, bool]]:
    """The hidden paths that exist, and whether each is a directory; links are followed inside their bind."""
    found = {}
    for path in hidden:
        bind = covering(path, binds)
        if bind is None:
            continue
        root = bind.source
        source = (root / PurePosixPath(path).relative_to(bind.target)).resolve()
        if source.exists() and source.is_relative_to(root):
            place = PurePosixPath(bind.target) / source.relative_to(root)
            found[str(place)] = source.is_dir()
    return sorted(found.items())


def covering(path: str, binds: Iterable[Bind]) -> Bind | None:
    """The innermost bind that shows `path`, or None."""
    above = [bind for bind in binds if PurePosixPath(path).is_relative_to(bind.target)]
    return max(above, key=_depth, default=None)


def _depth(bind: Bind) -> int:
    return len(PurePosixPath(bind.target).parts)
