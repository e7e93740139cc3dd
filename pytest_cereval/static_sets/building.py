"""Turns the name of a static set into tasks with their oracle files, and a ledger of problems that are not asked.

A static set has no fresh arm: results on it are context for those on a repository, and its tasks are titled so.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest_cereval
from pytest_cereval.dependencies.environment import installed_digest
from pytest_cereval.inside.equality import EXACT
from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.checked import Check
from pytest_cereval.oracles.confirm import Judging
from pytest_cereval.results.band import Band
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.files import RULES_VERSION
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.repository import Checkout
from pytest_cereval.static_sets.certify import Asked, certificate_of, certified
from pytest_cereval.static_sets.checkout import CHECK, PLANTED, file_of, function_of, revision_of, write_checkout
from pytest_cereval.static_sets.humaneval import humaneval
from pytest_cereval.static_sets.problems import Problem, ProblemSet, read_problems
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.select import requirement_of, selection_order
from pytest_cereval.tasks.sight import site_hidden
from pytest_cereval.tasks.suite import TaskOracle, oracle_file
from pytest_cereval.tasks.task import ASKED, CONSTRAINTS, Category, Size, Task, task_id

HUMANEVAL = "humaneval"
NOT_MATCHED = "not matched"
Progress = Callable[[str, int, int], None]
_ROOTS = frozenset({"."})
_SYSTEM = """\
You are an expert Python programmer. The user shows you a Python function without its body, and what it must do. \
Write that function.

Rules for the answer:
- Reply with exactly one ```python block that holds one complete definition of the function: its signature as given, \
and its body.
- You may put imports and small helper functions above it in the same block.
- Keep name and parameters as they are."""
_USER = f"""\
```python
{{prompt}}
```

{ASKED}{{name}}`: complete the function `{{name}}` so that it does what its docstring says. What the code above \
defines beside it is there and need not be repeated.
{CONSTRAINTS}
- No network, no files outside a temporary folder, no other processes, no `eval` or `exec` of data."""


@dataclass(frozen=True, slots=True)
class StaticTasks:
    """What a static set yields. `title` is for reports: the set, and that nothing is matched with it."""

    name: str
    sha256: str
    problems: int
    tasks: tuple[Task, ...]
    ledger: tuple[LedgerEntry, ...]
    checkout: Checkout

    @property
    def title(self) -> str:
        """The set's name as a report gives it."""
        return f"{self.name} ({NOT_MATCHED})"

    def describe(self) -> dict[str, Any]:
        """For the record of a run: JSON builtins."""
        counts = {"problems": self.problems, "tasks": len(self.tasks), "refused": len(self.ledger)}
        return {"name": self.name, "title": self.title, "sha256": self.sha256, **counts}


def problem_set(spec: str, cache_folder: Path) -> ProblemSet:
    """`humaneval` or a file's path as problems; raises `SourceError` or `SettingsError`."""
    return humaneval(cache_folder) if spec == HUMANEVAL else read_problems(Path(spec).expanduser())


def static_tasks(
    found: ProblemSet,
    *,
    interpreter: Interpreter,
    sandbox: Callable[[], Sandbox],
    cache_folder: Path,
    limit: int = 0,
    workers: int = 2,
    progress: Progress = lambda stage, done, total: None,
) -> StaticTasks:
    """The tasks of a set, at most `limit` of them if that is not 0, with their oracle files in the cache folder.

    `sandbox` is called only if something is not known yet. Raises `SandboxError` or `StoreError` for faults of ours.
    """
    checkout = write_checkout(found, cache_folder)
    items, ledger = _asked(found, checkout)
    chosen = _chosen(items, limit)
    ledger += [_entry(item, Reason.NOT_SELECTED) for item in items if item not in chosen]
    build = _Build(found, checkout, interpreter, cache_folder)
    tasks = []
    for item, outcome in zip(chosen, build.outcomes(chosen, sandbox, workers, progress), strict=True):
        if isinstance(outcome, LedgerEntry):
            ledger.append(outcome)
        else:
            tasks.append(build.task(item, outcome))
    ledger.sort(key=lambda entry: (entry.path, entry.line, entry.function))
    return StaticTasks(found.name, found.sha256, len(found.problems), tuple(tasks), tuple(ledger), checkout)


def _asked(found: ProblemSet, checkout: Checkout) -> tuple[list[Asked], list[LedgerEntry]]:
    """The problems with their functions, and those that have none."""
    items: list[Asked] = []
    ledger: list[LedgerEntry] = []
    for problem in found.problems:
        path = file_of(problem).as_posix()
        try:
            function = function_of(problem, checkout.runtime)
        except (SyntaxError, ValueError, RecursionError) as error:
            ledger.append(LedgerEntry("", path, 0, Reason.UNPARSABLE, f"{problem.task_id}: {type(error).__name__}"))
            continue
        if function is None:
            detail = f"{problem.task_id}: no function {problem.entry_point}"
            ledger.append(LedgerEntry(f"{problem.module}.{problem.entry_point}", path, 0, Reason.UNREACHABLE, detail))
        elif function.is_trivial:
            ledger.append(_entry(Asked(problem, function), Reason.TRIVIAL))
        else:
            items.append(Asked(problem, function))
    return items, ledger


def _chosen(items: Sequence[Asked], limit: int) -> list[Asked]:
    """All, or a stratified choice, in the set's order."""
    order = selection_order([item.function for item in items])
    names = {function.name for function in order[: limit or None]}
    return [item for item in items if item.function.name in names]


def _entry(item: Asked, reason: Reason) -> LedgerEntry:
    return LedgerEntry(item.function.name, item.function.path, item.function.def_line, reason)


class _Build:
    """The steps for one set: they share its checkout and the cache."""

    def __init__(self, found: ProblemSet, checkout: Checkout, interpreter: Interpreter, cache_folder: Path) -> None:
        self._found = found
        self._checkout = checkout
        self._interpreter = interpreter
        self._cache_folder = cache_folder
        self._hidden = site_hidden(interpreter, frozenset(), frozenset())
        key = cache.cache_key(code=_code(), set=found.sha256, installed=installed_digest(interpreter))
        self._folder = cache_folder / "static" / key

    def outcomes(
        self, items: Sequence[Asked], sandbox: Callable[[], Sandbox], workers: int, progress: Progress
    ) -> list[Check | LedgerEntry]:
        """What is known of each item, and what is found out about the others."""
        known = {item.problem.task_id: self._known(item) for item in items}
        unknown = [item for item in items if known[item.problem.task_id] is None]
        if unknown:
            setting = Setting(self._checkout, sandbox(), self._interpreter, _ROOTS, {})
            judging = Judging(setting, self._hidden, ())
            for item, outcome in zip(
                unknown, certified(judging, unknown, workers=workers, progress=progress), strict=True
            ):
                known[item.problem.task_id] = outcome
                # What failed by a fault of ours may not fail another time.
                if not isinstance(outcome, LedgerEntry) or outcome.reason is not Reason.INTERNAL:
                    cache.save(self._file(item), _as_dict(outcome))
        return [outcome for outcome in known.values() if outcome is not None]

    def _known(self, item: Asked) -> Check | LedgerEntry | None:
        data = cache.load(self._file(item))
        if data is None:
            return None
        return LedgerEntry.from_dict(data["ledger"]) if "ledger" in data else Check.from_dict(data["check"])

    def _file(self, item: Asked) -> Path:
        return self._folder / f"{item.problem.module}.json"

    def task(self, item: Asked, check: Check) -> Task:
        """The task, with its oracle file written."""
        problem, function = item
        prompt = prompt_of(problem)
        planted = {CHECK: check.to_dict(), PLANTED: asdict(revision_of(self._found))}
        inputs = (hashlib.sha256(f"{check.prompt}\0{check.test}".encode()).hexdigest(),)
        certificate = certificate_of(check)
        category = Category.CODE_GENERATION
        task = Task(
            id=task_id(RULES_VERSION, category, function.to_dict(), prompt.system, prompt.user, planted, inputs),
            name=function.name,
            function=function.name,
            category=category,
            path=function.path,
            definition_line=function.def_line,
            requirement=requirement_of(function),
            size=Size.of(function.statements),
            band=Band.STANDARD,
            about=self._about(problem),
            prompt=prompt,
            inputs=inputs,
            certificate=certificate,
        )
        oracle = TaskOracle(
            function=function,
            module=function.module,
            import_roots=_ROOTS,
            hidden=(),
            core=0,
            level=EXACT,
            view={},
            site_hidden=self._hidden,
            category=category,
            planted=planted,
        )
        if not oracle_file(self._cache_folder, task.id).exists():
            oracle.save(self._cache_folder, task.id)
        return task

    def _about(self, problem: Problem) -> dict[str, Any]:
        title = f"{problem.task_id} ({NOT_MATCHED})"
        return {
            "title": title,
            "static_set": self._found.name,
            "task_id": problem.task_id,
            "sha256": self._found.sha256,
        }


def prompt_of(problem: Problem) -> Prompt:
    """The question: the problem's own prompt as it is, between our rules for answers and limits."""
    return Prompt(system=_SYSTEM, user=_USER.format(prompt=problem.prompt.strip("\n"), name=problem.entry_point))


def _as_dict(outcome: Check | LedgerEntry) -> dict[str, Any]:
    kind = "ledger" if isinstance(outcome, LedgerEntry) else "check"
    return {kind: outcome.to_dict()}


@functools.cache
def _code() -> str:
    """A digest of the modules that certify, so that no cache outlives the code that filled it."""
    package = Path(pytest_cereval.__file__).parent
    files = sorted(file for name in ("inside", "oracles", "static_sets") for file in (package / name).rglob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
