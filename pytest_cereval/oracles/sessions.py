"""Says how the repository's own tests are run where they are an oracle: files, pytest's arguments, plugins, what is
hidden; the one home of that, so that qualification and judging cannot differ.

The full checkout is read-only. pytest reads the repository's own settings, but takes no options from them, writes no
cache, and loads of the installed plugins only those that are not known to change which tests run or how they end.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.workers import as_utf8, leftovers
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, Limits
from pytest_cereval.source.layout import REPOSITORY, inside_path, python_program

NO_SETTINGS = "/dev/null"
_REFUSED_PLUGINS = frozenset(
    {
        *(
            "cereval",
            "html_fixtures",
            "xdist",
            "xdist.looponfail",
            "randomly",
            "random_order",
            "rerunfailures",
            "flaky",
            "forked",
        ),
        *("pytest_cov", "html", "metadata", "timeout", "benchmark", "sugar", "instafail", "hypothesispytest", "json"),
    }
)
_NEVER_SHOWN = ("pytest_cereval", "llama_cpp")
_ARGUMENTS = (
    *("-q", "--no-header", "--no-summary", "--tb=no", "--assert=plain", "-p", "no:cacheprovider"),
    *("-o", "addopts=", "-o", "required_plugins=", "-W", "ignore::pytest.PytestConfigWarning"),
    *("--rootdir=.", "--confcutdir=."),
)


@dataclass(frozen=True, slots=True)
class World:
    """What all sessions of one checkout share: pytest's settings file relative to it ("" to let it be found), plugins
    by name, and installed copies of the package under test, which stay hidden.
    """

    ini: str
    plugins: tuple[str, ...]
    hidden: tuple[str, ...]

    @classmethod
    def of(cls, setting: Setting, packages: frozenset[str]) -> World:
        """For a setting; `packages` are the top-level names that the repository defines."""
        site = setting.interpreter.site
        entries = [
            entry.name
            for found in importlib.metadata.distributions(path=list(site))
            for entry in found.entry_points
            if entry.group == "pytest11"
        ]
        never = packages.union(_NEVER_SHOWN)
        copies = [path for folder in site for path in Path(folder).iterdir() if _top(path) in never]
        return cls(
            ini="",
            plugins=tuple(sorted(set(entries) - _REFUSED_PLUGINS)),
            hidden=tuple(sorted(str(path) for path in copies)),
        )

    def arguments(self, files: Sequence[str]) -> list[str]:
        """pytest's arguments for the tests in these files, which are relative to the checkout."""
        plugins = [part for name in self.plugins for part in ("-p", name)]
        return [*_ARGUMENTS, *(("-c", self.ini) if self.ini else ()), *plugins, *files]

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self) | {"plugins": list(self.plugins), "hidden": list(self.hidden)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> World:
        """The inverse of `to_dict`."""
        return cls(data["ini"], tuple(data["plugins"]), tuple(data["hidden"]))


def file_of(test: str) -> str:
    """The file of a test id, relative to the checkout."""
    return test.partition("::")[0]


def start(
    setting: Setting,
    world: World,
    program: str,
    limits: Limits,
    *,
    changed: tuple[str, str] | None = None,
    laid_over: Mapping[str, bytes] | None = None,
    hash_seed: int = 0,
) -> Process:
    """Start one of our inside programs on the full checkout.

    `changed` is the file with an answer and its text; `laid_over` are the files of tests, which come after it, so that
    no answer can take their place. Raises `SandboxError`.
    """
    full = setting.checkout.full
    data = [(inside_path(changed[0]), as_utf8(changed[1]))] if changed else []
    data += [(inside_path(path), content) for path, content in sorted((laid_over or {}).items())]
    launch = python_program(
        setting.interpreter,
        program,
        binds=(Bind(full, REPOSITORY),),
        hidden=(*world.hidden, *leftovers(full)),
        data=tuple(dict(data).items()),
        hash_seed=hash_seed,
        cwd=REPOSITORY,
    )
    return setting.sandbox.start(launch, limits)


def _top(path: Path) -> str:
    return path.name.partition(".")[0].partition("-")[0]
