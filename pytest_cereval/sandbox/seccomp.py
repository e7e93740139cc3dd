"""Turns a short list of refused system calls into a classic BPF program for seccomp.

Defence in depth under namespaces (kernel surface, memory that no rlimit counts), and at the Landlock level
the only wall against sockets, new user namespaces and leaving the process group. Refused calls fail with
EPERM; clone3 fails with ENOSYS, because its flags cannot be inspected and C libraries then fall back to
clone, whose flags can. Numbers: arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h of Linux 6.12.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_LOAD_WORD, _JUMP_EQUAL, _JUMP_SET, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _FIRST_ARGUMENT = (
    0,
    4,
    16,
)  # offsets in struct seccomp_data; low word first, both are little endian
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET; NEWTIME is no flag of clone.
_CLONE_NEW_NAMESPACES = 0x7E020000
_X32_BIT = 0x40000000

# name -> (x86_64, aarch64)
_NUMBERS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "socket": (41, 198),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "clone": (56, 220),
    "clone3": (435, 435),
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# Memory that RLIMIT_AS does not count, other processes' memory, and kernel features with a record of holes.
SURFACE = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "keyctl", "add_key", "request_key"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "bpf", "perf_event_open"),
    *("memfd_create", "memfd_secret", "shmget", "msgget"),
    *("mount", "umount2", "pivot_root", "move_mount", "mount_setattr", "open_tree", "fsopen", "unshare", "setns"),
)
# What pid namespaces do otherwise: nobody leaves the process group that is killed at the end.
GROUP_ESCAPE = ("setsid", "setpgid")
# Calls by which a process could disturb another of the same user; their first argument must be 0, "myself".
SELF_ONLY = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
AF_UNIX, AF_INET, AF_INET6 = 1, 2, 10


@dataclass(frozen=True, slots=True)
class Filter:
    """What to refuse: calls by name, sockets outside `families`, calls that name another process."""

    refused: tuple[str, ...]
    families: tuple[int, ...]
    self_only: tuple[str, ...] = ()

    def program(self, machine: str | None = None) -> bytes | None:
        """The filter as an array of `struct sock_filter`; None on machines whose numbers are not known."""
        known = _MACHINES.get(machine or platform.machine())
        return None if known is None else _assemble(self, *known)


# Under namespaces there is no network to reach, so Internet sockets within the sandbox are harmless and stay.
IN_NAMESPACES = Filter(SURFACE, (AF_UNIX, AF_INET, AF_INET6))
# Landlock does not restrict sockets with a path (a desktop's D-Bus, Docker's), so there is no socket at all
# here; socketpair, which event loops need, is another call and stays.
WITHOUT_NAMESPACES = Filter(SURFACE + GROUP_ESCAPE, (), SELF_ONLY)


def _assemble(wanted: Filter, column: int, arch: int) -> bytes:
    number = {name: columns[column] for name, columns in _NUMBERS.items()}
    refuse = _statement(_RETURN, _FAIL | errno.EPERM)
    allow = _statement(_RETURN, _ALLOW)
    lines = [
        _statement(_LOAD_WORD, _ARCH),
        _jump(_JUMP_EQUAL, arch, 1, 0),
        _statement(_RETURN, _KILL_PROCESS),
        _statement(_LOAD_WORD, _NUMBER),
        _jump(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1),
        refuse,
    ]
    for name in wanted.refused:
        lines += [_jump(_JUMP_EQUAL, number[name], 0, 1), refuse]
    lines += [_jump(_JUMP_EQUAL, number["clone3"], 0, 1), _statement(_RETURN, _FAIL | errno.ENOSYS)]
    for name in wanted.self_only:
        lines += [
            _jump(_JUMP_EQUAL, number[name], 0, 4),
            _statement(_LOAD_WORD, _FIRST_ARGUMENT),
            _jump(_JUMP_EQUAL, 0, 0, 1),
            allow,
            refuse,
        ]
    lines += [
        _jump(_JUMP_EQUAL, number["clone"], 0, 4),
        _statement(_LOAD_WORD, _FIRST_ARGUMENT),
        _jump(_JUMP_SET, _CLONE_NEW_NAMESPACES, 0, 1),
        refuse,
        allow,
    ]
    lines += [_jump(_JUMP_EQUAL, number["socket"], 1, 0), allow]
    lines += [_statement(_LOAD_WORD, _FIRST_ARGUMENT), *_allow_any(wanted.families), refuse]
    return b"".join(lines)


def _allow_any(families: Sequence[int]) -> list[bytes]:
    lines = []
    for family in families:
        lines += [_jump(_JUMP_EQUAL, family, 0, 1), _statement(_RETURN, _ALLOW)]
    return lines


def _statement(code: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, 0, 0, value)


def _jump(code: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
