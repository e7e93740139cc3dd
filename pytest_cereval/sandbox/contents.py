"""Turns bytes into a descriptor that a child can read them from."""

from __future__ import annotations

import contextlib
import os


def hold(content: bytes, stack: contextlib.ExitStack) -> int:
    """A descriptor at the start of `content`, in memory only; `stack` closes it."""
    fd = os.memfd_create("cereval", os.MFD_CLOEXEC)
    stack.callback(os.close, fd)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
