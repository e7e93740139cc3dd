"""Turns a checkout into the list of files whose functions are evaluated; the one home of the file rules."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

RULES_VERSION = 1
"""Goes into every task id: change a rule here or in `functions`, and raise it."""

EXCLUDED_FOLDERS = frozenset(
    {
        *("build", "dist", "__pycache__", "node_modules", "site-packages"),
        *(".git", ".tox", ".nox", ".venv", "venv", ".eggs"),
        *("vendor", "vendored", "_vendor", "third_party", "extern"),
        *("test", "tests", "benchmark", "benchmarks", "docs", "doc", "examples"),
    }
)
EXCLUDED_FILES = frozenset({"setup.py", "conftest.py", "noxfile.py"})


def is_evaluated(path: PurePosixPath) -> bool:
    """Whether a path relative to the repository's root names a file whose functions become tasks.

    Build artefacts, vendored code, tests, benchmarks, documentation and packaging scripts do not.
    """
    return (
        path.suffix == ".py"
        and path.name not in EXCLUDED_FILES
        and not belongs_to_tests(path)
        and not any(part in EXCLUDED_FOLDERS or part.endswith(".egg-info") for part in path.parts[:-1])
    )


def belongs_to_tests(path: PurePosixPath) -> bool:
    """Whether a file is part of the repository's tests, their data included, and hidden from every candidate."""
    return any(part in {"test", "tests"} for part in path.parts[:-1]) or is_test_module(path)


def is_test_module(path: PurePosixPath) -> bool:
    """Whether pytest's own naming convention makes a file one of tests."""
    named = path.name.startswith("test_") or path.stem.endswith("_test") or path.name == "conftest.py"
    return path.suffix == ".py" and named


def python_files_of_tests(tree: Path) -> tuple[PurePosixPath, ...]:
    """All Python files below `tree` that belong to the tests, helpers included; sorted."""
    found = (PurePosixPath(file.relative_to(tree).as_posix()) for file in tree.rglob("*.py") if file.is_file())
    return tuple(sorted(path for path in found if belongs_to_tests(path)))


def test_modules(tree: Path) -> tuple[PurePosixPath, ...]:
    """The test modules to run for recording: not those of build, vendored or benchmark folders; sorted."""
    skipped = EXCLUDED_FOLDERS - {"test", "tests", "docs", "doc", "examples"}
    found = (PurePosixPath(file.relative_to(tree).as_posix()) for file in tree.rglob("*.py") if file.is_file())
    runnable = (path for path in found if is_test_module(path) and path.name != "conftest.py")
    return tuple(sorted(path for path in runnable if not skipped & set(path.parts[:-1])))


def evaluated_files(tree: Path) -> tuple[PurePosixPath, ...]:
    """The evaluated files below `tree`, sorted by path so that the order never depends on the file system."""
    found = (PurePosixPath(file.relative_to(tree).as_posix()) for file in tree.rglob("*.py") if file.is_file())
    return tuple(sorted(path for path in found if is_evaluated(path)))


def module_name(tree: Path, path: PurePosixPath) -> tuple[str, str]:
    """The importable name of a file and the import root that makes it so, both relative to `tree`.

    The root is the folder above the outermost folder that holds an `__init__.py`; a file outside any package is
    imported from its own folder, except that `src`-less namespace folders at the top keep their dotted path.
    """
    package: list[str] = []
    folder = path.parent
    while folder != PurePosixPath(".") and (tree / folder / "__init__.py").is_file():
        package.insert(0, folder.name)
        folder = folder.parent
    leaf = [] if path.name == "__init__.py" else [path.stem]
    return ".".join([*package, *leaf]) or path.parent.name, folder.as_posix()
