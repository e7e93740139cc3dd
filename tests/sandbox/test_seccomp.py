"""The filters are run on a small BPF machine, so that an architecture other than this one is tested too."""

from __future__ import annotations

import ast
import errno
import struct
import sys
from pathlib import Path

import pytest

from pytest_cereval.sandbox import seccomp
from pytest_cereval.sandbox.output import OutputTail, printable

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# From the kernel's tables: read, clone, clone3, socket, socketpair, unshare, ptrace, setsid, prlimit64.
CALLS = {
    "x86_64": (0, 56, 435, 41, 53, 272, 101, 112, 302),
    "aarch64": (63, 220, 435, 198, 199, 97, 117, 157, 261),
}


def outcome(filter_: seccomp.Filter, machine: str, number: int, argument: int = 0, arch: int = 0) -> int:
    program = filter_.program(machine)
    assert program is not None
    data = struct.pack("<IIQ6Q", number, arch or ARCH[machine], 0, argument, 0, 0, 0, 0, 0)
    lines = list(struct.iter_unpack("=HBBI", program))
    register = at = 0
    while True:
        code, if_true, if_false, value = lines[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (register,) = struct.unpack_from("<I", data, value)
        else:
            met = {0x15: register == value, 0x45: bool(register & value), 0x35: register >= value}[code]
            at += if_true if met else if_false


@pytest.mark.parametrize("machine", list(ARCH))
def test_no_kind_of_namespace_can_be_cloned_and_nothing_be_uncovered(machine: str) -> None:
    clone, umount2, move_mount = CALLS[machine][1], {"x86_64": 166, "aarch64": 39}[machine], 429
    namespace_flags = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
    thread_flags = 0x3D0F00  # what the C library starts a thread with

    for filter_ in (seccomp.IN_NAMESPACES, seccomp.WITHOUT_NAMESPACES):
        assert {outcome(filter_, machine, clone, flag | 17) for flag in namespace_flags} == {EPERM}
        assert outcome(filter_, machine, clone, thread_flags) == ALLOW
        assert outcome(filter_, machine, umount2) == outcome(filter_, machine, move_mount) == EPERM


@pytest.mark.parametrize("machine", list(ARCH))
def test_the_filter_refuses_what_it_lists_and_nothing_else(machine: str) -> None:
    read, clone, clone3, socket, socketpair, unshare, ptrace, setsid, prlimit = CALLS[machine]
    inside, without = seccomp.IN_NAMESPACES, seccomp.WITHOUT_NAMESPACES

    for filter_ in (inside, without):
        assert outcome(filter_, machine, read) == ALLOW
        assert outcome(filter_, machine, socketpair, 1) == ALLOW
        assert outcome(filter_, machine, clone, 0x11) == ALLOW
        assert outcome(filter_, machine, clone, 0x10000011) == EPERM
        assert outcome(filter_, machine, clone3) == ENOSYS
        assert outcome(filter_, machine, unshare) == EPERM
        assert outcome(filter_, machine, ptrace) == EPERM
        assert outcome(filter_, machine, 0x40000000 | read) == EPERM
        assert outcome(filter_, machine, read, arch=0x40000003) == KILL
        assert outcome(filter_, machine, socket, 40) == EPERM
    assert [outcome(inside, machine, socket, family) for family in (1, 2, 10, 16)] == [ALLOW] * 3 + [EPERM]
    assert [outcome(without, machine, socket, family) for family in (1, 2, 10, 16)] == [EPERM] * 4
    assert (outcome(inside, machine, setsid), outcome(without, machine, setsid)) == (ALLOW, EPERM)
    assert (outcome(without, machine, prlimit, 0), outcome(without, machine, prlimit, 7)) == (ALLOW, EPERM)


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp.IN_NAMESPACES.program("riscv64") is None


@pytest.mark.parametrize("name", ["launcher.py", "probe.py"])
def test_what_runs_inside_imports_the_standard_library_only(name: str) -> None:
    tree = ast.parse(Path(seccomp.__file__).with_name(name).read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {module.partition(".")[0] for module in imported} <= set(sys.stdlib_module_names)


def test_the_tail_keeps_the_last_bytes_however_they_come() -> None:
    for size in (1, 3, 7, 1000):
        tail = OutputTail(10)
        text = b"0123456789" * 5 + b"abcdefghij"
        for start in range(0, len(text), size):
            tail.feed(text[start : start + size])

        assert (tail.text(), tail.total, tail.overflowed) == ("abcdefghij", 60, True)


def test_printable_text_is_left_as_it_is() -> None:
    assert printable("gr\u00fcn \u2713 \U0001f600\n\ttab".encode()) == "gr\u00fcn \u2713 \U0001f600\n\ttab"
