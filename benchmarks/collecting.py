"""Measures extraction and collection by number of functions: seconds and peak memory.

    python benchmarks/collecting.py PATH[@REV]|NAME==VERSION... [--limit=6] [--copies=1000,5000] [--json=FILE]

A name and version is a source distribution, fetched from the package index that pip uses. For each repository: finding
all functions of the commit, in a process of its own; `pytest --co` that builds the suite, with a small limit, and how
its tests, which are run for a bounded time, and its functions ended; and `--co` again, from the cache. A suite of few
tasks says little of a large one, so the last one is multiplied to the sizes in --copies and collected again.
`--co` with 5,000 tasks should take at most 10 s and 400 MB, every function should have a task or be on the ledger, and
finding functions should cost the same for each. `--extract-only` stops before anything of a repository is run.
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

_SECONDS, _MEGABYTES = 10.0, 400.0


def main() -> int:
    """Print a line for each measurement; exit code 1 if collecting 5,000 tasks or more is over a limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", metavar="PATH[@REV]|NAME==VERSION")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has what their tests need")
    parser.add_argument("--extract-only", action="store_true")
    parser.add_argument("--limit", type=int, default=6)
    parser.add_argument("--copies", default="1000,5000")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        options: list[str] = []
        for name in given.repositories:
            repository = _repository(name, Path(folder))
            rows.append({"what": f"functions of {name}", **_extract(folder, repository)})
            print(_line(rows[-1]), flush=True)
            if given.extract_only:
                continue
            options = [f"--cereval-repo={repository}", f"--cereval-limit={given.limit}", "--cereval-store=s"]
            options += [f"--cereval-cache={folder}/cache", "--cereval-categories=code_generation"]
            options += [f"--cereval-python={given.python}"]
            rows.append({"what": f"building {name}", **_collect(folder, options), **_accounts(folder)})
            print(_line(rows[-1]), rows[-1]["tests"], rows[-1]["without_task"], sep="\n", flush=True)
            rows.append({"what": f"listing {name}", **_collect(folder, options)})
            print(_line(rows[-1]), flush=True)
        for count in (int(text) for text in given.copies.split(",") if text and options):
            _multiply(Path(folder) / "cache" / "suites", count)
            rows.append({"what": f"listing {count} tasks", "tasks": count, **_collect(folder, options)})
            print(_line(rows[-1]), flush=True)
    if given.json:
        report = {"rows": rows, "machine": machine(), "versions": versions()}
        given.json.write_text(json.dumps(report, indent=1) + "\n")
    large = [row for row in rows if row.get("tasks", 0) >= 5000]
    missing = sum(row.get("unaccounted", 0) for row in rows)
    return int(bool(missing) or any(row["seconds"] > _SECONDS or row["megabytes"] > _MEGABYTES for row in large))


def _repository(name: str, folder: Path) -> str:
    """The path of a repository: as it is given, or one made of a source distribution."""
    package, equal, _ = name.partition("==")
    if not equal or Path(name).exists():
        return str(Path(name).expanduser().absolute())
    from pytest_cereval.source.pinning.repository import pin

    return str(pin((name,), folder / "pinned" / package).path)


def _accounts(folder: str) -> dict[str, Any]:
    """How many functions the suite built last knows, how each ended, and how far its tests came."""
    suite = json.loads(max((Path(folder) / "cache" / "suites").iterdir(), key=_modified).read_text())
    found = {(task["path"], task["definition_line"]) for task in suite["tasks"]}
    found |= {(entry["path"], entry["line"]) for entry in suite["ledger"] if entry["function"]}
    return {
        "functions": suite["functions"],
        "unaccounted": suite["functions"] - len(found),
        "without_task": Counter(entry["reason"] for entry in suite["ledger"]),
        "tests": {name: suite["tests"][name] for name in ("collected", "ran", "outcomes", "cut")},
    }


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _collect(folder: str, options: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "pytest", "--co", "-q", *options]
    measured, output = _measured(command, folder)
    return {"items": sum("::" in line for line in output.splitlines()), **measured}


def _extract(folder: str, repository: str) -> dict[str, Any]:
    """All functions of a repository, and what finding one of them costs."""
    command = [sys.executable, str(Path(__file__).resolve()), "--functions-of", repository, f"{folder}/cache"]
    measured, output = _measured(command, folder)
    count, seconds = output.split()[-2:]
    return {"functions": int(count), "scan_processor_s": float(seconds), **measured}


def _functions_of(repository: str, cache: Path) -> None:
    from pytest_cereval.source.repository import checkout, resolve
    from pytest_cereval.source.scan import scan

    files = checkout(repository, resolve(repository), cache)
    begun = time.process_time()
    found = scan(files.runtime)
    print(len(found.functions), time.process_time() - begun)


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
    file = max(suites.iterdir(), key=_modified)
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
    count = f"  {row['functions']} functions" if "functions" in row else f"  {row['items']} items"
    each = f", {1000 * row['scan_processor_s'] / row['functions']:.2f} ms each" if "scan_processor_s" in row else ""
    what = f"{row['what'][-50:]:50}"
    return f"{what} {row['seconds']:7.2f} s  {row['processor_s']:7.2f} s cpu  {row['megabytes']:6.0f} MB{count}{each}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--functions-of"]:
        _functions_of(sys.argv[2], Path(sys.argv[3]))
        sys.exit(0)
    sys.exit(main())
