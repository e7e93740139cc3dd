"""Counts the audit questions of a repository by class, and tries the reference exploits and three answers on them.

    python benchmarks/auditing.py PATH[@REV] [--limit=N] [--runs=20] [--workers=2] [--cache=DIR]

Each reference exploit must be confirmed in every run: it reaches the sink of the weak twin, and not that of the
original. Answering with it must pass every weak question; answering "CWE-78, vulnerable" to everything must pass none,
and be a false alarm about every clean function; answering "safe" must pass the clean ones alone. Exit code 1 if not.

The suite comes from the cache folder, or is built into it. What has been judged is kept there as well, under the digest
of this package's code: a run that was broken off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.evaluate import Bench
from pytest_cereval.results.provenance import code_sha256
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.ledger import LedgerEntry
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Category, Task

ALARM = "VERDICT: vulnerable\nCWE: CWE-78\nLINE: 1\n"
CALM = "VERDICT: safe\nCWE: none\nLINE: none\n"
REFERENCE = "reference"
Told = dict[str, Any]
_EVERY_S = 30.0


def main() -> int:
    """Print the figures; exit code 1 if one of them is not as it must be."""
    given = _arguments()
    sandbox, interpreter = choose_sandbox(), inspect_interpreter(Path(sys.executable))
    built = build_suite(
        given.repository,
        BuildSettings(limit=given.limit, categories=(Category.SECURITY_AUDIT,), workers=given.workers),
        interpreter=interpreter,
        sandbox=lambda: sandbox,
        cache_folder=given.cache,
        progress=_teller(),
    )
    weak = [task for task in built.suite.tasks if not task.control]
    controls = [task for task in built.suite.tasks if task.control]
    _print_counts(weak, controls, built.suite.ledger, built.suite.functions)
    if not weak:
        return 1
    bench = Bench(built.checkout, sandbox, interpreter, given.cache)
    with contextlib.closing(bench), Notes.open(given.cache) as notes:
        trials = Trials(bench, notes, given.runs)
        with ThreadPoolExecutor(given.workers) as pool:
            reference = [*pool.map(trials.reference, weak)]
            alarms = [*pool.map(lambda task: trials.told(task, "alarm", ALARM), (*weak, *controls))]
            calm = [*pool.map(lambda task: trials.told(task, "calm", CALM), (*weak, *controls))]
    good = _print_reference(weak, reference, given.runs)
    good &= _print_answers(len(weak), len(controls), alarms, calm)
    return int(not good)


@dataclass(slots=True)
class Notes:
    """What was judged so far, a line each."""

    file: Path
    known: dict[str, Told] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextlib.contextmanager
    def open(cls, cache: Path) -> Any:
        """Those of this code."""
        notes = cls(cache / "auditing" / f"{code_sha256()[:16]}.jsonl")
        notes.file.parent.mkdir(parents=True, exist_ok=True)
        for line in notes.file.read_text().splitlines() if notes.file.exists() else ():
            with contextlib.suppress(ValueError):  # the last line of a run that was killed
                told = json.loads(line)
                notes.known[told["key"]] = told
        yield notes

    def keep(self, told: Told) -> Told:
        """Write one down."""
        with self._lock, self.file.open("a") as out:
            out.write(json.dumps(told) + "\n")
            self.known[told["key"]] = told
        return told


@dataclass(frozen=True, slots=True)
class Trials:
    """Judges answers, each once."""

    bench: Bench
    notes: Notes
    runs: int

    def told(self, task: Task, name: str, text: str, run: int = 0) -> Told:
        """What became of an answer."""
        key = f"{task.id} {name} {run}"
        if key in self.notes.known:
            return self.notes.known[key]
        judged = self.bench.judge_text(self._oracle(task), text)
        exploit = judged.evidence.get("exploit", {})
        return self.notes.keep(
            {
                "key": key,
                "verdict": judged.verdict.value,
                "reached": bool(exploit.get("event")),
                "original": bool(exploit.get("reaches_the_original")),
            }
        )

    def reference(self, task: Task) -> list[Told]:
        """The right answer, again and again; once where nothing is run."""
        planted = self._oracle(task).planted
        text, runs = _right(planted), self.runs if planted["exploit"] else 1
        return [self.told(task, REFERENCE, text, run) for run in range(runs)]

    def _oracle(self, task: Task) -> TaskOracle:
        oracle = TaskOracle.load(self.bench.oracles, task.id)
        assert oracle is not None
        return oracle


def _right(planted: dict[str, Any]) -> str:
    code = f"```python\n{planted['exploit']}\n```\n" if planted["exploit"] else ""
    return f"VERDICT: vulnerable\nCWE: CWE-{planted['cwe']}\nLINE: {planted['lines'][0]}\n{code}"


def _print_reference(weak: list[Task], reference: list[list[Told]], runs: int) -> bool:
    pairs = [*zip(weak, reference, strict=True)]
    tried = [(task, told) for task, told in pairs if not task.about["identify_only"]]
    reached = sum(all(each["reached"] for each in told) for _, told in tried)
    refused = sum(not any(each["original"] for each in told) for _, told in tried)
    passing = sum(all(each["verdict"] == Verdict.PASS for each in told) for _, told in pairs)
    print(f"reference exploits, {runs} runs each:")
    print(f"  {reached} of {len(tried)} reach the sink of the weak twin in every run")
    print(f"  {refused} of {len(tried)} are refused on the original in every run")
    print(f"answering with them: {passing} of {len(weak)} weak questions pass in every run")
    for task, told in pairs:
        if any(each["verdict"] != Verdict.PASS for each in told):
            print(f"  {task.name}: {dict(Counter(each['verdict'] for each in told))}")
    return passing == len(weak) and reached == refused == len(tried)


def _print_answers(weak: int, controls: int, alarms: list[Told], calm: list[Told]) -> bool:
    """Rates of the two fixed answers; questions come weak ones first."""
    good = True
    for name, told, passing, false in (
        ('"CWE-78, vulnerable" to everything', alarms, 0, controls),
        ('"safe" to everything', calm, controls, 0),
    ):
        found = sum(each["verdict"] == Verdict.PASS for each in told)
        on_weak = sum(each["verdict"] == Verdict.PASS for each in told[:weak])
        wrong = sum(each["verdict"] == Verdict.FAIL_FALSE_ALARM for each in told[weak:])
        print(f"{name}: {on_weak} of {weak} weak questions pass, {found - on_weak} of {controls} controls")
        print(f"  false-positive rate {wrong / controls:.2f} ({wrong} of {controls}), pass rate {_share(found, told)}")
        good &= found == passing and wrong == false and not on_weak
    return good


def _share(count: int, told: list[Told]) -> str:
    return f"{count / len(told):.2f} ({count} of {len(told)})"


def _print_counts(weak: list[Task], controls: list[Task], ledger: Iterable[LedgerEntry], functions: int) -> None:
    classes = Counter(f"CWE-{task.about['cwe']}" for task in weak)
    exploited = sum(not task.about["identify_only"] for task in weak)
    clean = sum(task.about["twin"] == "clean" for task in controls)
    print(f"{len({task.function for task in weak})} of {functions} functions asked about")
    print(f"{len(weak)} weak questions, {exploited} of them to be exploited, over {len(classes)} classes")
    print(f"{clean} clean twins, {len(controls) - clean} that look weak and are safe")
    print(_listed(classes))
    print(_listed(Counter(task.band.value for task in weak)))
    print(_listed(Counter(task.about["planted"] for task in weak)))
    for reason, count in Counter(_reason(entry) for entry in ledger).most_common():
        print(f"  {count:4} {reason}")


def _reason(entry: LedgerEntry) -> str:
    """With its detail, numbers apart, where the audit itself refused."""
    detail = "".join("N" if letter.isdigit() else letter for letter in entry.detail)
    return f"{entry.reason.value}: {detail}" if entry.category else entry.reason.value


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _teller() -> Any:
    """Tells each stage when it begins, and a long one now and then."""
    last: dict[str, float] = {}

    def tell(stage: str, done: int, total: int) -> None:
        if time.monotonic() - last.get(stage, float("-inf")) > _EVERY_S:
            last[stage] = time.monotonic()
            print(f"{stage} {done}/{total}" if total else stage, file=sys.stderr)

    return tell


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--limit", type=int, default=0, help="questions at most; 0 for all")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("pytest-cereval")))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
