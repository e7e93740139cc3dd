"""Turns the texts of answers into what keeps them from being judged, by parsing alone: nothing of an answer is run.

The gate is the judge's own (`oracles.candidate.extract`), so that what passes here is what a sandbox would be given.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_cereval.errors import SettingsError, SourceError
from pytest_cereval.explain import Suites, cached_suites, find_task, read_answer
from pytest_cereval.oracles.blocks import blocks, without_thinking
from pytest_cereval.oracles.candidate import MAX_ANSWER, NO_CODE, NO_END, NO_PARSE, TOO_LONG, NoAnswer, extract
from pytest_cereval.oracles.linting import Linter, Remark
from pytest_cereval.results.failure import Failure
from pytest_cereval.results.run import Run
from pytest_cereval.results.store import Store
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.repository import Checkout, Revision, open_checkout
from pytest_cereval.source.syntax import source_text
from pytest_cereval.static_sets.checkout import static_checkout
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Category

LINES = (".jsonl", ".ndjson")
MAX_LINES_BYTES = 1 << 30
_TASK_ID = re.compile(r"[0-9a-f]{16}")
_TEXTS = ("text", "completion", "answer", "solution")
_BUILD = "build its tasks with `cereval tasks PATH[@REV]`, or name the folder with --cache=DIR"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one answer. `failure` is None where it can be judged, and `problem` says why it cannot.

    signature: its own and the original's signature where they differ, which is judged all the same. notes: what of the
    answer is left out. remarks: what linters say, which decides nothing.
    """

    name: str
    sample: int = 0
    failure: Failure | None = None
    problem: str = ""
    signature: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        failure = self.failure.value if self.failure else None
        return {**asdict(self), "failure": failure, "signature": list(self.signature), "notes": list(self.notes)} | {
            "remarks": [asdict(each) for each in self.remarks]
        }


@dataclass(slots=True)
class Looked:
    """All that was looked at. `other` counts answers that are more than code, by category: they are not looked at."""

    checked: list[Checked] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)

    @property
    def failing(self) -> list[Checked]:
        """Answers that cannot be judged."""
        return [each for each in self.checked if each.failure]

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {
            "answers": len(self.checked),
            "by_failure": dict(sorted(Counter(each.failure.value for each in self.failing if each.failure).items())),
            "not_looked_at": dict(sorted(self.other.items())),
            "checked": [each.to_dict() for each in self.checked],
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """The function that an answer is to define, and the file it stands in."""

    function: SourceFunction
    tree: Path

    def check(self, name: str, text: str, sample: int = 0, linter: Linter | None = None) -> Checked:
        """What the judge would take out of the text, or why it would take nothing."""
        original = source_text(self.tree / self.function.path)
        found = extract(text, self.function, original)
        if isinstance(found, NoAnswer):
            return Checked(name, sample, found.failure, found.reason)
        remarks = linter.remarks(found, self.function.path, original) if linter else []
        return Checked(name, sample, None, "", found.signature, found.notes, tuple(remarks))


def check_run(store: Store, run: Run, cache_folder: Path, linter: Linter | None = None) -> Looked:
    """Every answer that a run was given to questions for code; raises `SourceError` where the cache lacks a task."""
    revision = _revision(run)
    kinds = {str(task["id"]): (str(task.get("name")), str(task.get("category"))) for task in store.tasks(run.run_id)}
    looked = Looked()
    for kept in store.completions(run.run_id):
        name, category = kinds.get(kept.task_id, (kept.task_id, ""))
        if category != Category.CODE_GENERATION:
            looked.other[category] += 1
            continue
        asked = _asked(cache_folder, kept.task_id, open_checkout(cache_folder, revision))
        text = str(kept.completion.get("text", ""))
        looked.checked.append(asked.check(name, text, kept.sample, linter))
    return looked


def check_files(files: Sequence[Path], cache_folder: Path, task: str = "", linter: Linter | None = None) -> Looked:
    """Every answer in these files: one in each, or one on each line of a `.jsonl` file.

    With a task (or a line that names one) the answer must define that task's function; else it must hold code that
    parses. Raises `SettingsError` for a file that holds no answers, `SourceError` for a task that is not in the cache.
    """
    looked, suites = Looked(), _Tasks(cache_folder)
    for file in files:
        for name, wanted, sample, text in _texts(file, task):
            if not wanted:
                looked.checked.append(check_text(name, text))
            elif (asked := suites.asked(wanted)) is None:
                looked.other["other categories"] += 1
            else:
                looked.checked.append(asked.check(name, text, sample, linter))
    return looked


def check_text(name: str, text: str) -> Checked:
    """Whether a text holds code that parses, whatever it defines."""
    if len(text) > MAX_ANSWER:
        return Checked(name, 0, Failure.NO_CODE, TOO_LONG)
    rest = without_thinking(text)
    if rest is None:
        return Checked(name, 0, Failure.NO_CODE, NO_END)
    found = blocks(rest)
    if not any(block.text.strip() for block in found):
        return Checked(name, 0, Failure.NO_CODE, NO_CODE)
    problems = [block.problem for block in found if block.problem]
    if len(problems) == len(found):
        return Checked(name, 0, Failure.UNPARSABLE, NO_PARSE.format(problem=problems[-1]))
    return Checked(name)


class _Tasks:
    """The tasks of the cache, whose suites are read once."""

    def __init__(self, cache_folder: Path) -> None:
        self._cache = cache_folder
        self._suites: Suites | None = None
        self._known: dict[str, Asked | None] = {}

    def asked(self, wanted: str) -> Asked | None:
        """What a task asks for; None where that is more than code."""
        if wanted not in self._known:
            if self._suites is None:
                self._suites = cached_suites(self._cache)
            found = find_task(self._cache, wanted, self._suites)
            more = found.task.category != Category.CODE_GENERATION
            tree = open_checkout(self._cache, found.revision).runtime
            self._known[wanted] = None if more else Asked(found.oracle.function, tree)
        return self._known[wanted]


def _asked(cache_folder: Path, task_id: str, files: Checkout) -> Asked:
    # The id becomes a file's name below the cache; only what can be one is looked up.
    oracle = TaskOracle.load(cache_folder, task_id) if _TASK_ID.fullmatch(task_id) else None
    if oracle is None:
        raise SourceError(f"the cache {cache_folder} holds no task {task_id[:40]!r}", next_step=_BUILD)
    tree = (static_checkout(oracle.planted, cache_folder) or files).runtime
    if not tree.is_dir():
        raise SourceError(f"no checkout of {files.revision.short} lies in {cache_folder}", next_step=_BUILD)
    return Asked(oracle.function, tree)


def _revision(run: Run) -> Revision:
    try:
        return Revision(**run.provenance["repository"])
    except (KeyError, TypeError) as error:
        raise SourceError(
            f"run {run.run_id} names no commit", next_step="make the run again with this version of pytest-cereval"
        ) from error


def _texts(file: Path, task: str) -> Iterator[tuple[str, str, int, str]]:
    """Name, task, sample and text of each answer in a file."""
    if file.suffix not in LINES:
        yield str(file), task, 0, read_answer(file)
        return
    try:
        if file.stat().st_size > MAX_LINES_BYTES:
            raise SettingsError(f"{file} is over {MAX_LINES_BYTES >> 30} GiB", next_step="give it in parts")
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _line(line, f"{file}:{number}", task)
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}", next_step="give files of answers") from error


def _line(line: bytes, where: str, task: str) -> tuple[str, str, int, str]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where} is not JSON: {str(error)[:200]}", next_step="give one object per line") from error
    text = _text(told) if isinstance(told, dict) else None
    if text is None:
        raise SettingsError(
            f"{where} holds no answer", next_step=f"give an object with a text under one of {', '.join(_TEXTS)}"
        )
    wanted = task or str(told.get("task") or told.get("task_id") or "")
    sample = told.get("sample")
    return (f"{where} {wanted}".rstrip(), wanted, sample if isinstance(sample, int) else 0, text)


def _text(told: Mapping[str, Any]) -> str | None:
    """The answer's text; a `completion` may be one of ours, an object with the text inside."""
    for name in _TEXTS:
        value = told.get(name)
        if isinstance(value, dict):
            value = value.get("text")
        if isinstance(value, str):
            return value
    return None
