"""Imports point to the left, outside libraries have one home, modules and functions stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_cereval"
LEAF = {"errors"}
MAY_IMPORT = {
    "errors": set(),
    "inside": {"inside"},
    "sandbox": {"sandbox", "inside", *LEAF},
    "models": {"models", "inside", *LEAF},
    "source": {"source", "sandbox", "inside", *LEAF},
    "oracles": {"oracles", "source", "sandbox", "inside", "results.verdict", "results.failure", *LEAF},
    "tasks": {"tasks", "oracles", "source", "sandbox", "inside", "models.model", "results.band", *LEAF},
    "categories": {
        "categories",
        "tasks",
        "oracles",
        "source",
        "sandbox",
        "inside",
        "models.model",
        "results.apart",
        "results.band",
        "results.failure",
        "results.verdict",
        *LEAF,
    },
    "assembly": {"categories", "tasks", "oracles", "source", "sandbox", *LEAF},
    "build": {"assembly", "categories", "oracles", "tasks", "source", "sandbox", *LEAF},
    "dependencies": {"dependencies", "tasks.cache", "source", "sandbox", "inside", *LEAF},
    "static_sets": {
        "static_sets",
        "dependencies",
        "tasks",
        "oracles",
        "source",
        "sandbox",
        "inside",
        "models.model",
        "results.band",
        *LEAF,
    },
    "probes": {"probes", "oracles.blocks", "source", "models.model", *LEAF},
    "results": {"results", "models.model", *LEAF},
    "statistics": {"source.history.freshness", "statistics", "results", *LEAF},
    "report": {"report", "results", "statistics", "inside.equality", *LEAF},
    "bundle": {
        "bundle",
        "assembly",
        "build",
        "dating",
        "evaluate",
        "models.model",
        "report",
        "results",
        "sandbox",
        "session",
        "source",
        "static_sets",
        "statistics",
        "tasks",
        *LEAF,
    },
    "evaluate": {
        "surveying",
        "categories",
        "dependencies",
        "oracles",
        "source",
        "static_sets",
        "tasks",
        "models.model",
        "sandbox",
        "results.attempt",
        "results.failure",
        "results.verdict",
        *LEAF,
    },
    "surveying": {"categories", "dependencies", "oracles", "source", "tasks", *LEAF},
    "demo": LEAF,
    "newhooks": {"api"},
    "api": {
        "categories",
        "inside.plain",
        "models.model",
        "oracles",
        "results.band",
        "results.verdict",
        "source.functions",
        "tasks.question",
        *LEAF,
    },
    "extensions": {"categories", "results.apart", "results.attempt", "statistics.thresholds", *LEAF},
}
COMMANDS = {f"commands/{path.name}" for path in (PACKAGE / "commands").glob("*.py")}
ONE_HOME = {
    "llama_cpp": {
        "models/grammar.py",
        "models/llama.py",
        "models/hardware.py",
        "models/native_log.py",
        "models/vocabulary.py",
    },
    "git": {"source/repository.py", "source/history/commits.py", "source/pinning/repository.py", "demo.py"},
    "sqlite3": {"results/store.py", "results/migrations.py", "results/copying.py", "inside/taps.py"},
    "click": {"cli.py", *COMMANDS},
    "rich": {"report/tables.py"},
    "cryptography": {"bundle/signing.py"},
    "hypothesis": {"oracles/properties.py"},
    "scipy": {"statistics/distributions.py"},
    "pytest": {
        "bundling.py",
        "commands/session.py",
        "plugin.py",
        "control.py",
        "extensions.py",
        "newhooks.py",
        "items.py",
        "options.py",
        "report/html.py",
        "report/rows.py",
        "inside/recorder.py",
        "inside/testing.py",
    },
    "pytest_html": {"report/html.py"},
    "matplotlib": {"report/charts.py"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything a module imports, also inside functions."""
    here = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(here[: -node.level])
            yield from ((node.lineno, f"{base}.{node.module or alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def allowed(part: str, name: str) -> bool:
    """Whether a part of the package may import a module of the package."""
    inner = name.removeprefix("pytest_cereval").removeprefix(".")
    return not inner or any(inner == entry or inner.startswith(f"{entry}.") for entry in MAY_IMPORT[part])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_to_the_left(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    part = relative.parts[0].removesuffix(".py")
    wrong = [
        f"{relative}:{line} → {name}"
        for line, name in imports(path)
        if part in MAY_IMPORT and name.split(".")[0] == "pytest_cereval" and not allowed(part, name)
    ]

    assert not wrong


@pytest.mark.parametrize("library", ONE_HOME)
def test_an_outside_library_has_one_home(library: str) -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if any(name.split(".")[0] == library for _, name in imports(path))
    }

    assert users <= ONE_HOME[library]


def test_what_runs_inside_a_sandbox_needs_the_standard_library_only() -> None:
    import sys

    known = sys.stdlib_module_names | {"pytest_cereval", "cloudpickle", "pytest", "__future__"}
    wrong = [
        f"{path.name}:{line} → {name}"
        for path in (PACKAGE / "inside").glob("*.py")
        for line, name in imports(path)
        if name.split(".")[0] not in known or (name.startswith("pytest_cereval") and ".inside" not in name)
    ]

    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]

    assert text.count("\n") <= 340
    assert not long
