"""Measures extraction and collection by number of functions: seconds and peak memory.

    python benchmarks/collecting.py PATH[@REV]... [--limit=6] [--copies=1000,5000] [--json=FILE]

For each repository: finding all functions of the commit, in a process of its own, and `pytest --co` once the suite is
built (with a small limit, since building is not what is measured here; `building.py` does that). A suite of few
tasks says little of a large one, so the last one is multiplied to the sizes in --copies and collected again.
`--co` with 5,000 tasks should take at most 10 s and 400 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pytest_cereval.results.provenance import machine, versions

_SECONDS, _MEGABYTES = 10.0, 400.0


def main() -> int:
    """Print a line for each measurement; exit code 1 if collecting 5,000 tasks or more is over a limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+")
    parser.add_argument("--limit", type=int, default=6)
    parser.add_argument("--copies", default="1000,5000")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for repository in given.repositories:
            options = [f"--cereval-repo={repository}", f"--cereval-limit={given.limit}", "--cereval-store=s"]
            options += [f"--cereval-cache={folder}/cache", "--cereval-categories=code_generation"]
            rows.append({"what": "first listing", **_collect(folder, options)})
            rows.append({"what": f"listing {repository}", **_collect(folder, options)})
            rows.append({"what": f"functions of {repository}", **_extract(folder)})
            print(_line(rows[-2]), _line(rows[-1]), sep="\n", flush=True)
        for count in (int(text) for text in given.copies.split(",") if text):
            _multiply(Path(folder) / "cache" / "suites", count)
            rows.append({"what": f"listing {count} tasks", "tasks": count, **_collect(folder, options)})
            print(_line(rows[-1]), flush=True)
    if given.json:
        report = {"rows": rows, "machine": machine(), "versions": versions()}
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    large = [row for row in rows if row.get("tasks", 0) >= 5000]
    return int(any(row["seconds"] > _SECONDS or row["megabytes"] > _MEGABYTES for row in large))


def _collect(folder: str, options: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "pytest", "--co", "-q", *options]
    measured, output = _measured(command, folder)
    return {"items": sum("::" in line for line in output.splitlines()), **measured}


def _extract(folder: str) -> dict[str, Any]:
    """All functions of the checkout that the listing before has left in the cache."""
    newest = max((Path(folder) / "cache" / "checkouts").iterdir(), key=lambda path: path.stat().st_mtime)
    command = [sys.executable, str(Path(__file__).resolve()), "--functions-of", str(newest / "runtime")]
    measured, output = _measured(command, folder)
    return {"functions": int(output.split()[-1]), **measured}


def _functions_of(checkout: Path) -> int:
    from pathlib import PurePosixPath

    from pytest_cereval.source.functions import extract_functions

    count = 0
    for file in sorted(checkout.rglob("*.py")):
        try:
            count += len(list(extract_functions(checkout, PurePosixPath(file.relative_to(checkout)))))
        except (SyntaxError, ValueError):
            continue
    return count


def _measured(command: list[str], folder: str) -> tuple[dict[str, Any], str]:
    """Seconds of wall clock, of processor, and the process' own peak in MB."""
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}")
    seconds, processor = time.monotonic() - begun, used.ru_utime + used.ru_stime
    return {"seconds": seconds, "processor_s": processor, "megabytes": used.ru_maxrss / 1024}, output


def _multiply(suites: Path, count: int) -> None:
    """Give the newest suite in the cache so many tasks, under new names and ids, with oracles that are there."""
    file = max(suites.iterdir(), key=lambda path: path.stat().st_mtime)
    suite = json.loads(file.read_text())
    oracles, first = suites.parent / "oracles", suite["tasks"]
    made = []
    for number in range(count):
        task = first[number % len(first)]
        copied = f"{number:016x}"
        target = oracles / f"{copied}.json"
        if not target.exists():
            os.link(oracles / f"{task['id']}.json", target)
        made.append({**task, "id": copied, "name": f"{task['name']}_{number}"})
    file.write_text(json.dumps({**suite, "tasks": made, "functions": count}))


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['what'][-50:]:50} {row['seconds']:7.2f} s  {row['processor_s']:7.2f} s cpu  {row['megabytes']:6.0f} MB"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--functions-of"]:
        print(_functions_of(Path(sys.argv[2])))
        sys.exit(0)
    sys.exit(main())
