"""The result of reading one commit: every certified task, and a ledger entry for every other function."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_cereval.inside.equality import Level
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.tested import Tests
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry
from pytest_cereval.source.repository import Revision
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.task import Category, Task, category_named

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Suite:
    """`tasks` in order of name; `ledger` in order of path and line; `functions` counts all functions of the commit.

    `tests` says how the repository's own tests ended while calls were recorded, `settings` what shaped the suite.
    """

    revision: Revision
    rules_version: int
    functions: int
    settings: dict[str, Any]
    tests: dict[str, Any]
    tasks: tuple[Task, ...]
    ledger: tuple[LedgerEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only, the same bytes for the same commit, rules and settings."""
        return {
            "format": FORMAT_VERSION,
            "revision": self.revision.to_dict(),
            "rules_version": self.rules_version,
            "functions": self.functions,
            "settings": self.settings,
            "tests": self.tests,
            "tasks": [task.to_dict() for task in self.tasks],
            "ledger": [entry.to_dict() for entry in self.ledger],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Suite:
        """The inverse of `to_dict`; raises `ValueError` or `KeyError` for anything else."""
        if data["format"] != FORMAT_VERSION:
            raise ValueError(f"suite format {data['format']}, known is {FORMAT_VERSION}")
        return cls(
            revision=Revision(**data["revision"]),
            rules_version=data["rules_version"],
            functions=data["functions"],
            settings=data["settings"],
            tests=data["tests"],
            tasks=tuple(Task.from_dict(task) for task in data["tasks"]),
            ledger=tuple(LedgerEntry.from_dict(entry) for entry in data["ledger"]),
        )

    def reasons(self, category: str = "") -> dict[str, int]:
        """How many functions (and unparsable files) have no task in a category, by reason, most frequent first.

        Without a category: those that have no task in any, each by its first reason.
        """
        asked = {task.function for task in self.tasks if category in ("", task.category)}
        first: dict[tuple[str, str], str] = {}
        for entry in self.ledger:
            if entry.function not in asked and (not category or entry.category in ("", category)):
                first.setdefault((entry.path, entry.function), entry.reason.value)
        return dict(Counter(first.values()).most_common())


@dataclass(frozen=True, slots=True)
class TaskOracle:
    """What the judge needs for one task and no model may see: how to find the function, and the hidden inputs.

    `module` is the name under which the tests had imported the function's file. The first `core` hidden inputs are the
    quick check; `level` is how observations are compared, `seed` the one of the examples drawn, and `view` what of
    objects is looked at. `needed` are installed modules that opening the inputs imports, `site_hidden` installed
    packages that the reference did not need and a candidate must not see. Where there are `tests`, these judge: alone
    without hidden inputs, else what passes on those. `planted` is what the judge of the task's category must know,
    `events` names the audit events that calls of the reference raise.
    """

    function: SourceFunction
    module: str
    import_roots: frozenset[str]
    hidden: tuple[Input, ...]
    core: int
    level: Level
    view: dict[str, Any]
    site_hidden: tuple[str, ...]
    seed: int = 0
    needed: tuple[str, ...] = ()
    tests: Tests | None = None
    category: str = Category.CODE_GENERATION
    planted: dict[str, Any] = field(default_factory=dict)
    events: tuple[str, ...] = ()

    def save(self, folder: Path, task_id: str) -> None:
        """Write the oracle file of a task."""
        content = {
            "function": self.function.to_dict(),
            "module": self.module,
            "import_roots": sorted(self.import_roots),
            "hidden": [item.to_dict() for item in self.hidden],
            "core": self.core,
            "level": self.level.to_dict(),
            "seed": self.seed,
            "view": self.view,
            "site_hidden": list(self.site_hidden),
            "needed": list(self.needed),
            "tests": self.tests.to_dict() if self.tests else None,
            "category": str(self.category),
            "planted": self.planted,
            "events": list(self.events),
        }
        cache.save(oracle_file(folder, task_id), content)

    @classmethod
    def load(cls, folder: Path, task_id: str) -> TaskOracle | None:
        """The oracle file of a task; None if it is not there any more."""
        data = cache.load(oracle_file(folder, task_id))
        if data is None:
            return None
        return cls(
            function=SourceFunction.from_dict(data["function"]),
            module=data["module"],
            import_roots=frozenset(data["import_roots"]),
            hidden=tuple(Input.from_dict(item) for item in data["hidden"]),
            core=data["core"],
            level=Level(**data["level"]),
            seed=data["seed"],
            view=data["view"],
            site_hidden=tuple(data["site_hidden"]),
            needed=tuple(data["needed"]),
            tests=Tests.from_dict(data["tests"]) if data["tests"] else None,
            category=category_named(data["category"]),
            planted=data["planted"],
            events=tuple(data["events"]),
        )


def oracle_file(folder: Path, task_id: str) -> Path:
    """Where the oracle of a task lies below the cache folder."""
    return folder / "oracles" / f"{task_id}.json"
