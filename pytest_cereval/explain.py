"""Turns the name of a task in the cache into what is known of it, and an answer to it into what the judge says.

Everything is read from what earlier builds left in the cache folder: nothing is certified anew, and no repository is
opened but the checkout that lies there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.errors import SettingsError, SourceError
from pytest_cereval.evaluate import Bench
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.linting import Linter
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.oracles.render import render_call, render_observation
from pytest_cereval.report.facts import certificate_rows
from pytest_cereval.report.text import evidence_lines
from pytest_cereval.results.failure import failure_of
from pytest_cereval.results.printing import one_line, printable
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.repository import Revision, open_checkout
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.suite import Suite, TaskOracle
from pytest_cereval.tasks.task import Task

MAX_ANSWER_BYTES = 4 << 20
HIDDEN_SHOWN = 5
_SHORTEST_PREFIX = 4
_NEAR = 3
_DETAIL = 300
Suites = Sequence[Suite]
_BUILD = "build it with `cereval tasks PATH[@REV]`, or name the folder with --cache=DIR"


@dataclass(frozen=True, slots=True)
class Known:
    """A task with its oracle and where it comes from; `others` are tasks of the same name in other suites."""

    task: Task
    oracle: TaskOracle
    revision: Revision
    cache_folder: Path
    others: tuple[str, ...] = ()

    def to_dict(self, hidden: int = 0) -> dict[str, Any]:
        """JSON builtins only, with the first `hidden` hidden calls."""
        return {
            "task": self.task.to_dict(),
            "requirement": self.task.requirement_text,
            "repository": self.revision.to_dict(),
            "hidden_inputs": len(self.oracle.hidden),
            "hidden": [{"call": call, "expected": expected} for call, expected in self._hidden(hidden)],
            "other_tasks_of_this_name": list(self.others),
        }

    def lines(self, hidden: int = 0) -> Iterator[str]:
        """For people: what is asked, what was shown about the oracle, and the first `hidden` hidden calls."""
        task, function = self.task, self.oracle.function
        yield f"{task.name}  (task {task.id})"
        yield f"  {function.path}:{task.definition_line} of {self.revision.name} at {self.revision.commit}"
        yield f"  {task.category}, {task.requirement.value} requirement, {task.size.value}"
        for other in self.others:
            yield f"  another task of this name, from another commit or other settings: {other}"
        yield from _section("question", task.requirement_text)
        yield ""
        yield "certificate"
        for title, text in certificate_rows(task.certificate.to_dict()):
            names = text.split("; ") if title.startswith("Mutants that") else [text]
            yield f"  {title}: {names[0]}" if len(names) == 1 else f"  {title}:"
            yield from (f"    {name}" for name in names if len(names) > 1)
        shown = list(self._hidden(hidden))
        if shown:
            yield ""
            yield f"{len(shown)} of {len(self.oracle.hidden)} hidden calls, which no model should see"
            for call, expected in shown:
                yield f"  {one_line(call)}"
                yield f"    {one_line(expected)}"

    def _hidden(self, count: int) -> list[tuple[str, str]]:
        """The shortest hidden calls with what the reference does."""
        name = self.oracle.function.bare_name
        shown = [(_call(name, item), render_observation(item.observation)) for item in self.oracle.hidden]
        return sorted(shown, key=lambda pair: (len(pair[0]), pair))[:count]


def find_task(cache_folder: Path, wanted: str, known: Suites | None = None) -> Known:
    """The task with this id, the beginning of one, its full name, or the end of its name after a dot.

    Where suites of several commits or settings hold tasks of one name, that of the newest suite is taken. known: the
    suites, if they have been read before. Raises `SourceError` where the cache holds no suite, no such task, several
    that fit, or not all of its files any more.
    """
    suites = cached_suites(cache_folder) if known is None else known
    if not suites:
        raise SourceError(f"no suite of tasks lies in {cache_folder}", next_step=_BUILD)
    found = _matching(suites, wanted)
    names = sorted({task.name for task, _ in found})
    if len(names) > 1:
        listed = ", ".join(f"{task.name} ({task.id})" for task, _ in _by_id(found)[: 2 * _NEAR])
        raise SourceError(
            f"{wanted!r} fits {len(names)} tasks: {listed}", next_step="give the id or the full name of one"
        )
    if not found:
        raise _unknown(suites, wanted)
    task, suite = found[0]
    oracle = TaskOracle.load(cache_folder, task.id)
    if oracle is None or not open_checkout(cache_folder, suite.revision).runtime.is_dir():
        what = "oracle" if oracle is None else "checkout"
        raise SourceError(f"the {what} of {task.name} is gone from {cache_folder}", next_step=_BUILD)
    others = tuple(dict.fromkeys(other.id for other, _ in found if other.id != task.id))
    return Known(task, oracle, suite.revision, cache_folder, others)


def read_answer(file: Path) -> str:
    """The text of an answer: Markdown or code; raises `SettingsError` for a file that cannot be one."""
    try:
        if file.stat().st_size > MAX_ANSWER_BYTES:
            raise SettingsError(f"{file} is over {MAX_ANSWER_BYTES >> 20} MiB", next_step="give the text of one answer")
        return file.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}", next_step="give --candidate=FILE") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 text", next_step="save the answer as UTF-8") from error


def replay(known: Known, answer: str, sandbox: Sandbox, interpreter: Interpreter) -> Judged:
    """The verdict on an answer, by the judge of runs; raises `CerevalError` where there can be none."""
    files = open_checkout(known.cache_folder, known.revision)
    linter = Linter("all", interpreter.version, known.cache_folder)
    with closing(Bench(files, sandbox, interpreter, known.cache_folder, linter)) as bench:
        return bench.judge_text(known.oracle, answer)


def judged_lines(judged: Judged) -> Iterator[str]:
    """For people: the verdict, its evidence, and what was taken out of the answer."""
    failure = failure_of(judged.verdict, judged.evidence)
    yield f"{judged.verdict.value}{f' ({failure.value})' if failure else ''}: {judged.verdict.meaning}"
    yield f"  {one_line(judged.detail)}"
    yield from evidence_lines(judged.evidence)
    if judged.candidate:
        yield from _section("answer as judged", judged.candidate)


def judged_dict(judged: Judged) -> dict[str, Any]:
    """JSON builtins only."""
    failure = failure_of(judged.verdict, judged.evidence)
    return {
        "verdict": judged.verdict.value,
        "failure": failure.value if failure else None,
        "detail": judged.detail,
        "evidence": judged.evidence,
        "candidate": judged.candidate,
    }


def cached_suites(cache_folder: Path) -> Suites:
    """The suites that this version can read, the newest first."""
    files = sorted((cache_folder / "suites").glob("*.json"), key=lambda file: (-file.stat().st_mtime_ns, file.name))
    found = []
    for file in files:
        try:
            found.append(Suite.from_dict(cache.load(file)))
        except (ValueError, KeyError, TypeError):
            continue  # written by another version; a build replaces it
    return found


def _matching(suites: Sequence[Suite], wanted: str) -> list[tuple[Task, Suite]]:
    """Every task that fits by id; else by name, else by the beginning of an id, else by the end of its name."""
    every = [(task, suite) for suite in suites for task in suite.tasks]
    by_prefix = [pair for pair in every if len(wanted) >= _SHORTEST_PREFIX and pair[0].id.startswith(wanted)]
    ways = (
        [pair for pair in every if pair[0].id == wanted],
        [pair for pair in every if pair[0].name == wanted],
        by_prefix,
        [pair for pair in every if pair[0].name.endswith(f".{wanted}")],
    )
    return next((way for way in ways if way), [])


def _by_id(found: Sequence[tuple[Task, Suite]]) -> list[tuple[Task, Suite]]:
    return list({task.id: (task, suite) for task, suite in found}.values())


def _unknown(suites: Sequence[Suite], wanted: str) -> SourceError:
    for suite in suites:
        for entry in suite.ledger:
            if entry.function and (entry.function == wanted or entry.function.endswith(f".{wanted}")):
                detail = f" ({one_line(entry.detail, _DETAIL)})" if entry.detail else ""
                return SourceError(
                    f"{entry.function} ({entry.path}:{entry.line}) has no task: {entry.reason.value}{detail}",
                    next_step="`cereval tasks PATH[@REV]` lists the functions that have one",
                )
    names = sorted({task.name for suite in suites for task in suite.tasks})
    last = {name.rpartition(".")[2]: name for name in names}
    near = difflib.get_close_matches(wanted, names, _NEAR) or [
        last[name] for name in difflib.get_close_matches(wanted.rpartition(".")[2], last, _NEAR)
    ]
    hint = f"did you mean {', '.join(near)}?" if near else "`cereval tasks PATH[@REV]` lists all of them"
    return SourceError(f"no task {wanted!r} in {len(names)} cached tasks", next_step=hint)


def _call(name: str, item: Input) -> str:
    return render_call(name, item.arguments)


def _section(title: str, text: str) -> Iterator[str]:
    yield ""
    yield title
    yield from (f"  {line}".rstrip() for line in printable(text.strip("\n")).split("\n"))
