"""Measures the report of a large run: how long it takes to write and to open, and how big its index is.

    python benchmarks/report.py [--items=2000] [--browser=/usr/bin/chromium] [--keep=DIR] [--json=FILE]

With 2,000 items the index must be smaller than 15 MB and open within 2 seconds; exit code 1 if not. Opening is timed in
a new browser without a cache, to the end of the page's `load` event, and once more until the rows are painted; the
longest of five tries counts. That part needs Playwright, and a Chromium.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pytest_cereval.report.cases import INDEX_FILE, write_case_pages
from pytest_cereval.report.terminal import RunInfo
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.band import Band
from pytest_cereval.results.failure import failure_of
from pytest_cereval.results.run import Run, RunStatus
from pytest_cereval.results.verdict import Verdict

CATEGORIES = ("code_generation", "code_understanding", "security_audit")
MOST_BYTES, MOST_SECONDS = 15_000_000, 2.0
TRIES = 5
SOURCE = 'def total(items):\n    """Add up."""\n' + "".join(f"    items.append({n})\n" for n in range(30))


def attempt(number: int, chance: random.Random) -> Attempt:
    """A made-up attempt of ordinary size."""
    verdict = chance.choice([Verdict.PASS, Verdict.PASS, Verdict.FAIL_WRONG, Verdict.FAIL_EXCEPTION, Verdict.NO_ANSWER])
    evidence: dict[str, Any] = {"checked": 20, "hidden": 20, "differing": 3}
    tokens = int(chance.lognormvariate(5, 0.8))
    completion = {
        **dict.fromkeys(("prompt_tokens", "cached_tokens"), 900),
        "text": SOURCE,
        "finish_reason": "stop_eog",
        "completion_tokens": tokens,
        "min_margin": 0.1,
        "prefill_s": 1.0,
        "decode_s": tokens / 40,
        "wall_s": 1 + tokens / 40,
        "rendered_sha256": "0" * 64,
        "tokens_sha256": "0" * 64,
    }
    return Attempt(
        run_id="run",
        task_id=f"{number:016x}",
        task_name=f"package{number % 40}.module{number % 200}.Class.method_{number}",
        nodeid=f"suite.cereval.json::{CATEGORIES[number % 3]}::method_{number}",
        category=CATEGORIES[number % 3],
        requirement=("documented", "inferred")[number % 2],
        stratum="documented small",
        sample=0,
        prompt_sha256="0" * 64,
        prompt_system="You are an expert Python programmer.",
        prompt_user=SOURCE * 3,
        completion=completion,
        reused=False,
        verdict=verdict,
        detail=verdict.meaning,
        evidence=evidence,
        candidate=SOURCE,
        sandbox_level="ns",
        judge_s=0.2,
        started="2026-01-01T00:00:00.000+00:00",
        ended="2026-01-01T00:00:05.000+00:00",
        failure=failure_of(verdict, evidence),
        band=list(Band)[number % 4].value,
        control=number % 8 == 7,
    )


def opened(page_file: Path, browser: str, items: int) -> dict[str, float]:
    """Seconds until the page has loaded, until its rows are painted, and until a filter has been applied."""
    from playwright.sync_api import sync_playwright

    tries: list[dict[str, float]] = []
    with sync_playwright() as running:
        for _ in range(TRIES):
            started = running.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
            page = started.new_page()
            clock = time.monotonic()
            page.goto(page_file.as_uri(), wait_until="load")
            loaded = time.monotonic() - clock
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            painted = time.monotonic() - clock
            shown = page.locator("#items tbody tr:visible").count()
            if shown != items:
                raise SystemExit(f"{shown} rows are shown, and there are {items} items")
            clock = time.monotonic()
            page.get_by_role("searchbox").fill("method_1234")
            page.wait_for_function("document.getElementById('told').textContent.startsWith('1 ')")
            tries.append({"loaded_s": loaded, "painted_s": painted, "filtered_s": time.monotonic() - clock})
            started.close()
    return {name: round(max(each[name] for each in tries), 2) for name in tries[0]}


def main() -> int:
    """Print the figures, and write them as JSON if asked to; exit code 1 if one is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--browser", default=shutil.which("chromium") or "", help="a Chromium; empty to open nothing")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    chance = random.Random(1)  # noqa: S311 - made-up numbers
    attempts = [attempt(number, chance) for number in range(given.items)]
    tasks = [{"id": each.task_id, "path": f"package{n % 40}/module{n % 200}.py"} for n, each in enumerate(attempts)]
    run = Run("run", "2026-01-01T00:00:00.000+00:00", None, RunStatus.finished, {})
    info = RunInfo(repository="big@abc", model="model.gguf", tasks=given.items, ledger={"never called": 300})
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        started = time.monotonic()
        written = write_case_pages(folder, attempts, tasks, run, info=info)
        figures: dict[str, float] = {
            "items": given.items,
            "seconds": round(time.monotonic() - started, 2),
            "index_bytes": (folder / INDEX_FILE).stat().st_size,
            "all_bytes": sum(path.stat().st_size for path in written),
        }
        if given.browser:
            figures |= opened(folder / INDEX_FILE, given.browser, given.items)
    for name, value in figures.items():
        print(f"{name:12} {value:,}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    return int(figures["index_bytes"] > MOST_BYTES or figures.get("painted_s", 0.0) > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
