"""Measures how long a suite takes: the first build, a repeated one, and listing its tasks; and what is certified.

python benchmarks/building.py PATH[@REV]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter


def main() -> int:
    """Build in a cache of its own and print the times, in seconds of wall clock."""
    (repository,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        build = [
            sys.executable,
            "-m",
            "pytest_cereval.cli",
            "tasks",
            repository,
            "--json",
            f"--cache={folder}/cache",
        ]
        listing = [
            sys.executable,
            "-m",
            "pytest",
            "--co",
            "-q",
            f"--cereval-repo={repository}",
            f"--cereval-cache={folder}/cache",
        ]
        texts = []
        for name, command in (("first build", build), ("repeated build", build), ("listing", listing)):
            started = time.monotonic()
            done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
            print(f"{name:15} {time.monotonic() - started:7.1f} s")
            texts.append(done.stdout)
    assert texts[0] == texts[1], "a repeated build gave other bytes"
    suite = json.loads(texts[0])
    by_category = Counter(task["category"] for task in suite["tasks"])
    print(f"{len({task['function'] for task in suite['tasks']})} of {suite['functions']} functions asked about")
    print(", ".join(f"{count} {name}" for name, count in sorted(by_category.items())))
    for reason in sorted({entry["reason"] for entry in suite["ledger"]}):
        print(f"  {sum(entry['reason'] == reason for entry in suite['ledger']):4} {reason}")
    found = [task["certificate"]["mutation_score"] for task in suite["tasks"]]
    scores = sorted(score for score in found if score is not None)
    print(f"mutation score: median {scores[len(scores) // 2]:.2f}, lowest {scores[0]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
