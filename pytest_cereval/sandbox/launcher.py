"""Turns a configuration read from a descriptor into limits, confinement and then the program itself.

The first program of the levels without namespaces, run as `launcher.py CONFIG_FD STATUS_FD`. Standard
library only and free of imports from this package. It confines itself and then becomes the program by exec.
The status descriptor closes at that exec; a reason written to it means that the program never ran.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
# Same numbers on every architecture, like all system calls since 424.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_RULE_PATH_BENEATH = 1


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def main() -> None:
    """Read the configuration, confine this process, and exec; exit with 125 if any of it fails."""
    config_fd, status_fd = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(status_fd, False)
    with os.fdopen(config_fd, "rb") as file:
        config = json.load(file)
    try:
        _confine(config)
        os.execve(config["argv"][0], config["argv"], config["env"])  # noqa: S606 - becoming it is the point
    except (OSError, ValueError) as error:
        os.write(status_fd, f"{type(error).__name__}: {error}".encode())
        os._exit(125)


def _confine(config: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent-death signal")
    with contextlib.suppress(OSError):  # short of memory, the kernel is to take this one first
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    os.chdir(config["cwd"])
    ruleset = _ruleset(libc, config["landlock"]) if config["landlock"] else None
    # Ordered so that no step needs what an earlier one took: descriptors first, processes and calls last.
    for kind, value in config["limits"]:
        resource.setrlimit(kind, (value, value))
    _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if ruleset is not None:
        _checked(libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "Landlock")
        os.close(ruleset)
    if config["seccomp"]:
        program = base64.b64decode(config["seccomp"])
        argument = _FilterProgram(len(program) // 8, program)
        _checked(
            libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(argument), 0, 0),
            "system call filter",
        )


def _ruleset(libc: ctypes.CDLL, wanted: dict[str, Any]) -> int:
    """A Landlock ruleset with the wanted rights below each path; the structs are in linux/landlock.h."""
    attributes = struct.pack("=QQQ", *wanted["handled"])
    ruleset: int = _checked(libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0), "Landlock ruleset")
    for path, rights in wanted["rules"]:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, fd)
        _checked(
            libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0),
            f"Landlock rule for {path}",
        )
        os.close(fd)
    return ruleset


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


if __name__ == "__main__":
    main()
