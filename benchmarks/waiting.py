"""Measures the waiting that the plugin adds: wall time of a run over the time the model itself generates.

    python benchmarks/waiting.py --model=demo:qwen2.5-coder-0.5b [--repo=PATH] [--limit=24] [-n 2]

The suite is built beforehand, so that its one-time cost stays out. The ratio is taken inside one run, from pytest's
start to its end, loading included; it should be at most 1.10.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_cereval.results.store import Store


def main() -> int:
    """Run once and print the ratio; exit code 1 if it is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--repo", default="", help="the demo's repository if not given")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("-n", dest="workers", default="0")
    parser.add_argument("--at-most", type=float, default=1.10)
    parser.add_argument("more", nargs="*", help="further options for pytest")
    given = parser.parse_args()
    repository = given.repo or _demo_repository()
    common = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--cereval-repo={repository}",
        f"--cereval-limit={given.limit}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*common, "--co", *given.more], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        started = time.monotonic()
        run = [*common, f"--cereval-model={given.model}", "-n", given.workers, *given.more]
        subprocess.run(run, cwd=folder, check=False, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - started
        with Store.open(Path(folder) / ".cereval/cereval.sqlite", must_exist=True) as store:
            attempts = store.attempts(store.latest_run_id() or "")
    generating = sum(attempt.completion["wall_s"] for attempt in attempts if attempt.completion)
    judging = sum(attempt.judge_s for attempt in attempts)
    ratio = wall / generating
    print(
        f"{len(attempts)} tasks: {wall:.1f} s in all, {generating:.1f} s generating, {judging:.1f} s judging, "
        f"ratio {ratio:.3f}"
    )
    return int(ratio > given.at_most)


def _demo_repository() -> str:
    import platformdirs

    from pytest_cereval.demo import demo_repository

    return str(demo_repository(Path(platformdirs.user_cache_dir("pytest-cereval"))))


if __name__ == "__main__":
    sys.exit(main())
