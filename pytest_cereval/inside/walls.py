"""Turns a fork of the nursery into a sealed process: own namespaces and file system, no rights, limits, a filter.

Works with CAP_SYS_ADMIN in the sandbox's own user namespace, which the nursery keeps and which is gone afterwards.
Mounts are made before the last user namespace is entered, so that they belong to one that the sealed process is
not in: nothing can be unmounted or uncovered from inside (user_namespaces(7), "restrictions on mount namespaces").
Standard library only.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import os
import resource
import signal
import socket
import stat
import struct
from typing import Any

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h, linux/sockios.h
_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT = 1, 2, 4, 32
_MS_BIND, _MS_MOVE, _MS_REC, _MS_PRIVATE = 4096, 8192, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 4, 22, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL, _SECCOMP_MODE_FILTER = 4, 2
_CAPABILITY_VERSION_3, _MOST_CAPABILITIES = 0x20080522, 64
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_TMP = "/tmp"  # noqa: S108 - inside the sandbox
_SHM = "/dev/shm"  # noqa: S108 - inside the sandbox
_libc = ctypes.CDLL(None, use_errno=True)


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def hide_memory() -> None:
    """Let no process of the same user read or trace this one; forks inherit it."""
    _checked(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "not to be traced")


def fork_into_pid_namespace(itself: int) -> int:
    """Fork, as `os.fork` does; the child is the first process of a pid namespace of its own. `itself` is a pidfd.

    The parent stays where it is, and goes on making children where it is until it calls this again.
    """
    _checked(_libc.unshare(_NEWPID), "own process ids")
    try:
        child = os.fork()
    except OSError:
        _checked(_libc.setns(itself, _NEWPID), "back to the process ids of the nursery")
        raise
    if child:
        _checked(_libc.setns(itself, _NEWPID), "back to the process ids of the nursery")
    return child


def enter(request: dict[str, Any]) -> None:
    """Put this process and its children into further namespaces of their own, with the file system of `request`.

    `data` is a list of paths and contents in base64, each of which covers the file at its path; `tmp_bytes` and
    `shm_bytes` bound what can be written; `kept` are mounts below /tmp that stay. Raises `OSError` that names the step.
    """
    _checked(_libc.unshare(_NEWNS), "own mounts")
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    _cover([(path, base64.b64decode(content)) for path, content in request["data"]])
    # Made in another place, so that what the sandbox shows below /tmp can be shown below the new one.
    _mount("tmpfs", _SHM, "tmpfs", _MS_NOSUID | _MS_NODEV, f"mode=0755,size={request['tmp_bytes']}")
    for path in request["kept"]:
        _show_again(path, _SHM + path.removeprefix(_TMP))
    _mount(_SHM, _TMP, None, _MS_MOVE)
    _mount("tmpfs", _SHM, "tmpfs", _MS_NOSUID | _MS_NODEV, f"mode=0755,size={request['shm_bytes']}")
    os.chdir(_TMP)  # not the one that lies below now
    _checked(_libc.unshare(_NEWUSER | _NEWIPC | _NEWNET | _NEWUTS), "own namespaces")
    _bring_loopback_up()


def renounce(request: dict[str, Any]) -> None:
    """Give up every capability, set the `limits` (pairs of kind and value) and install the `seccomp` filter."""
    for capability in range(_MOST_CAPABILITIES):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            break  # one more than the kernel knows
    _checked(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "no ambient capabilities")
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, bytes(24)), "no capabilities")
    hide_memory()
    for kind, value in request["limits"]:
        resource.setrlimit(kind, (value, value))
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    if request["seccomp"]:
        program = base64.b64decode(request["seccomp"])
        argument = _FilterProgram(len(program) // 8, program)
        _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(argument), 0, 0), "call filter")


def fresh_signals() -> None:
    """The handlers that a new interpreter has; the nursery's own settings are not for its children."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _cover(data: list[tuple[str, bytes]]) -> None:
    """Bind each content, read-only, over the file at its path, by way of a file system that nobody sees afterwards."""
    _mount("tmpfs", _TMP, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755")
    for number, (path, content) in enumerate(data):
        staged = f"{_TMP}/{number}"
        fd = os.open(staged, os.O_WRONLY | os.O_CREAT, 0o444)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        _mount(staged, path, None, _MS_BIND)
        _mount(None, path, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
    _checked(_libc.umount2(_TMP.encode(), _MNT_DETACH), "hiding where files were made")


def _show_again(path: str, place: str) -> None:
    is_folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - every fork would pay for pathlib's memory
    os.makedirs(place if is_folder else os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
    if not is_folder:
        os.mknod(place)
    _mount(path, place, None, _MS_BIND | _MS_REC)


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sH22x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    def encoded(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    arguments = (encoded(source), os.fsencode(target), encoded(kind), ctypes.c_ulong(flags), encoded(options))
    _checked(_libc.mount(*arguments), f"mounting on {target}")


def _checked(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
