"""Measures what a run holds with 0 to 4 workers, and how often the model is loaded.

    python benchmarks/memory.py --model=MODEL [--repo=PATH] [--limit=8] [--workers=0,1,2,3,4] [--json=FILE]

Every tenth of a second the shares of memory (Pss, in which what several processes share is divided among them) of all
processes below the session are added up by kind: the controller, the workers, the host of the model, and what
candidates run in. The largest sums count. Each further worker should add at most 150 MB of its own, with one load.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pytest_cereval.results.provenance import machine, versions

_EVERY_S = 0.1


def main() -> int:
    """Print a line for each number of workers; exit code 1 if one costs too much or the model is loaded again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--repo", default="", help="the demo's repository if not given")
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--workers", default="0,1,2,3,4")
    parser.add_argument("--at-most-mb", type=float, default=150.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("more", nargs="*", help="further options for pytest")
    given = parser.parse_args()
    rows = [_run(given, int(text)) for text in given.workers.split(",")]
    for row in rows:
        kinds = ", ".join(f"{name} {value:.0f}" for name, value in row["peak_mb"].items())
        print(f"-n {row['workers']}: {kinds} MB, {row['loads']} load")
    each = [row["peak_mb"]["workers"] / row["workers"] for row in rows if row["workers"]]
    print(f"a worker: at most {max(each, default=0):.0f} MB")
    if given.json:
        given.json.write_text(json.dumps({"rows": rows, "machine": machine(), "versions": versions()}, indent=1) + "\n")
    return int(max(each, default=0) > given.at_most_mb or any(row["loads"] > 1 for row in rows))


def _run(given: argparse.Namespace, workers: int) -> dict[str, Any]:
    repository = given.repo or _demo_repository()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "loads"
        log.touch()
        command = [sys.executable, "-m", "pytest", "-q", f"--cereval-repo={repository}", f"-n{workers}"]
        command += [f"--cereval-limit={given.limit}", f"--cereval-model={given.model}", *given.more]
        environment = os.environ | {"CEREVAL_LOAD_LOG": str(log)}
        session = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        peak: Counter[str] = Counter({"workers": 0})
        while session.poll() is None:
            for kind, size in _held(session.pid).items():
                peak[kind] = max(peak[kind], size)
            time.sleep(_EVERY_S)
        loads = len(log.read_text().splitlines())
    if session.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {session.returncode}")
    return {"workers": workers, "loads": loads, "peak_mb": {kind: size / 1e6 for kind, size in sorted(peak.items())}}


def _held(root: int) -> Counter[str]:
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents.setdefault(int((folder / "stat").read_text().rpartition(")")[2].split()[1]), []).append(
                int(folder.name)
            )
        except OSError:
            continue
    held = Counter({"controller": _share(root)})
    waiting = [(child, "") for child in parents.get(root, [])]
    while waiting:
        process, above = waiting.pop()
        kind = _kind(process, above)
        held[kind] += _share(process)
        waiting += [(child, "" if kind == "workers" else kind) for child in parents.get(process, [])]
    held["all"] = sum(held.values())
    return held


def _kind(process: int, above: str) -> str:
    if above:
        return above
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return "candidates"
    if "models.host" in command or "models/host" in command:
        return "host"
    # How execnet starts the interpreters of xdist's workers.
    return "workers" if "sys.stdin.readline" in command else "candidates"


def _share(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text("ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def _demo_repository() -> str:
    import platformdirs

    from pytest_cereval.demo import demo_repository

    return str(demo_repository(Path(platformdirs.user_cache_dir("pytest-cereval"))))


if __name__ == "__main__":
    sys.exit(main())
