"""Turns "run this argv, sealed" into data: what to launch, within which limits, and how it ended.

The sandbox is a leaf: it knows nothing of tasks, oracles or pytest. A backend is anything that follows
`Sandbox`. All paths in a `Launch` are absolute paths as the sealed process sees them, except `Bind.source`,
which is the host's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_cereval.sandbox.process import Process


class Level(enum.StrEnum):
    """How strongly a backend confines, as written beside every verdict; `rank` orders them."""

    NAMESPACES = "ns"
    LANDLOCK = "landlock"
    UNSAFE = "unsafe"

    @property
    def rank(self) -> int:
        """Higher is stronger. A verdict counts as certified from the rank of `NAMESPACES` on."""
        return {Level.UNSAFE: 0, Level.LANDLOCK: 2, Level.NAMESPACES: 3}[self]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one launch.

    `cpu_s`, `memory_mb` (address space), `files` and `file_mb` hold per process, the rest for the whole
    sandbox. Memory in all is bounded by `processes * memory_mb + tmp_mb`. How many empty files fit into /tmp
    is left to `wall_s` and the kernel's default for tmpfs: one for two pages of memory, about an eighth of
    it in all. Limits on processes need Linux 5.14, where they count per user namespace.
    """

    wall_s: float = 20.0
    cpu_s: int = 20
    memory_mb: int = 1024
    processes: int = 32
    files: int = 128
    file_mb: int = 16
    tmp_mb: int = 16
    output_kb: int = 64


@dataclass(frozen=True, slots=True)
class Bind:
    """A host file or directory shown at the inside path `target`, read-only unless in `Launch.writable`."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class Launch:
    """One program and the whole world it sees; nothing else is inherited.

    data: read-only files with this content. One may lie inside a bind, and then masks the file that is there;
        a bind cannot grow new names, so below a bind the file must exist (or its directory be in `hidden`).
    hidden: paths below a bind that show an empty file or directory instead; one that is not there is ignored.
    writable: read-write binds, for trusted recording only.
    channel: give the child two descriptors for messages, numbered in CEREVAL_READ_FD and CEREVAL_WRITE_FD.
    descriptors: more descriptors that the child inherits under their numbers, for trusted programs only.
    nests: the program may make namespaces inside its own and is not filtered, for a trusted one that seals others.
    """

    argv: tuple[str, ...]
    binds: tuple[Bind, ...] = ()
    data: tuple[tuple[str, bytes], ...] = ()
    hidden: tuple[str, ...] = ()
    writable: tuple[Bind, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "/tmp"  # noqa: S108 - the sandbox's own, empty and bounded
    channel: bool = True
    descriptors: tuple[int, ...] = ()
    nests: bool = False


# Fixed so that a verdict does not depend on who runs it; one thread per process keeps BLAS within
# `Limits.processes`.
DEFAULT_ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC"),
    ("HOME", "/tmp"),  # noqa: S108
    ("TMPDIR", "/tmp"),  # noqa: S108
    ("PATH", "/usr/bin:/bin"),
    ("PYTHONHASHSEED", "0"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("OMP_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("MKL_NUM_THREADS", "1"),
    ("NUMEXPR_NUM_THREADS", "1"),
)
READ_FD_VARIABLE = "CEREVAL_READ_FD"
WRITE_FD_VARIABLE = "CEREVAL_WRITE_FD"


class EndStatus(enum.StrEnum):
    """How a launch ended. Only `EXITED` and `SIGNALLED` are the program's own doing."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed_out"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class End:
    """What is known of a launch once nothing of it runs any more. None of it is evidence of a right answer.

    code: exit code or signal number of the program, None when we ended it. Under namespaces an exit code
        above 128 cannot be told from a signal and is reported as one.
    output: printable tail of stdout and stderr together; control characters are escaped.
    cpu_s: processor seconds of all its processes, to about 0.01; a lower bound if it ended by itself.
    reason: why we ended it: "wall" (limit), "output" (flood), "finish" (asked to); "" if it ended by itself.
    """

    status: EndStatus
    code: int | None
    output: str
    output_bytes: int
    output_overflow: bool
    cpu_s: float
    wall_s: float
    reason: str = ""


class Sandbox(Protocol):
    """A backend. Its `level` is a promise that `selftest.self_test` checks."""

    @property
    def level(self) -> Level: ...

    def describe(self) -> dict[str, str]:
        """Say what this backend is made of, for the record of a run: names, versions, paths."""
        ...

    def start(self, launch: Launch, limits: Limits) -> Process:
        """Start a sealed process; raises `SandboxError` if it cannot be sealed as asked."""
        ...
