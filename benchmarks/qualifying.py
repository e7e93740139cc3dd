"""Measures how many mutants a core judges per second while functions are certified.

    python benchmarks/qualifying.py PATH[@REV] [--limit=12] [--at-least=20] [--json=FILE]

A suite of one task is built first, in a cache of its own, so that checkout and recording stay out. Then the processor
time (of this process and all it starts) of building the rest is divided by the mutants on its certificates. So it holds
everything that certifies a function: replays, stubs, rewrites and examples too. Mutants of functions that come to no
certificate are not counted, their time is. Needs a control group of its own, as `checking.py` does.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from checking import processor_seconds

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.results.provenance import machine, versions
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.tasks.task import Category


def main() -> int:
    """Print mutants per core and second; exit code 1 if there are fewer than wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--limit", type=int, default=12)
    parser.add_argument("--at-least", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, processor_seconds() as clock:
        first = _mutants(_build(given.repository, 1, Path(folder)))
        before, begun = clock(), time.monotonic()
        mutants = _mutants(_build(given.repository, given.limit, Path(folder))) - first
        spent, wall = clock() - before, time.monotonic() - begun
    figures = {"mutants": mutants, "core_s": spent, "wall_s": wall, "mutants_per_core_s": mutants / spent}
    if given.json:
        given.json.write_text(json.dumps({**figures, "machine": machine(), "versions": versions()}, indent=1) + "\n")
    print(f"{mutants} mutants in {spent:.1f} s of processor time, {wall:.1f} s of wall")
    print(f"{mutants / spent:.1f} mutants per core and second")
    return int(mutants / spent < given.at_least)


def _build(repository: str, limit: int, cache: Path) -> Built:
    return build_suite(
        repository,
        BuildSettings(limit=limit, categories=(Category.CODE_GENERATION,)),
        interpreter=inspect_interpreter(Path(sys.executable)),
        sandbox=choose_sandbox,
        cache_folder=cache,
        progress=lambda *_: None,
    )


def _mutants(built: Built) -> int:
    return sum(task.certificate.mutants_total for task in built.suite.tasks)


if __name__ == "__main__":
    sys.exit(main())
