"""Turns a small repository into a function with the tests that judge it, as certification would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.by_tests import ByTests, certify_by_tests
from pytest_cereval.oracles.candidate import NoAnswer, extract
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.tested import TestLimits, TestOracle
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.repository import checkout, resolve
from pytest_cereval.source.scan import scan

REPOSITORIES = Path(__file__).parents[2] / "repos"


def setting_of(name: str, top: Path) -> tuple[Setting, dict[str, SourceFunction]]:
    """A commit of one of the test repositories below `top`, and its functions by name."""
    folder = top / name
    shutil.copytree(REPOSITORIES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    who = {f"GIT_{role}_{key}": "known@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=folder, check=True, env=os.environ | who)
    tree = checkout(str(folder), resolve(str(folder)), top / "cache")
    functions = {function.name: function for function in scan(tree.runtime).eligible}
    roots = frozenset(function.import_root for function in functions.values())
    modules = {name: function.module for name, function in functions.items()}
    return Setting(tree, Bubblewrap(), inspect_interpreter(Path(sys.executable)), roots, modules), functions


@dataclass(frozen=True, slots=True)
class Place:
    """A function with what was certified of it."""

    setting: Setting
    function: SourceFunction
    found: ByTests

    def judge(self, answer: str, limits: TestLimits | None = None) -> Finding:
        """The finding on an answer."""
        original = (self.setting.checkout.runtime / self.function.path).read_text()
        candidate = extract(answer, self.function, original)
        assert not isinstance(candidate, NoAnswer), candidate
        return TestOracle(self.setting, limits).judge(self.function, self.found.tests, candidate)


def certified(name: str, function: str, top: Path) -> Place:
    """Certify one function of a test repository by its tests."""
    setting, functions = setting_of(name, top)
    found = certify_by_tests(setting, [functions[function]], frozenset({name}))[function]
    assert isinstance(found, ByTests), found
    return Place(setting, functions[function], found)
