"""A small repository and a site folder with three packages, to resolve names in."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cereval.dependencies.environment import Environment
from pytest_cereval.dependencies.findings import Dependencies, dependencies_of
from pytest_cereval.dependencies.registry import Registry
from tests.oracles.judging import Place, place

SITE = {
    "solid/__init__.py": "import json\nfrom .parts import bolt\ndef weld(a, *, heat=1): pass\ndef any_of(**k): pass\n",
    "solid/parts.py": "def bolt(): pass\nif __name__ == 'never':\n    from nothing import sometimes\n",
    "solid-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: solid\nVersion: 1.0\n",
    "solid-1.0.dist-info/top_level.txt": "solid\n",
    "broken.py": "import sys\nfrom solid import weld\nraise RuntimeError('no')\n",
    "lazy.py": "def __getattr__(name):\n    if name == 'late': return 1\n    raise AttributeError(name)\n",
    "deadly.py": "import os\nvalue = 1\nos._exit(3)\n",
    "mask.py": "",
    "mask/__init__.py": "import solid as inner\n",
    "mask/inner.py": "deep = 1\n",
    "unseen.py": "",
}
Ask = Callable[..., Dependencies]


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The repository with its functions."""
    return place(tmp_path_factory.mktemp("dependencies"))


@pytest.fixture(scope="session")
def environment(judged: Place, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An interpreter beside which the packages of `SITE` are installed, and its cache."""
    prefix = tmp_path_factory.mktemp("prefix")
    for name, text in SITE.items():
        file = prefix / "site" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for path in [prefix, *prefix.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    interpreter = replace(judged.setting.interpreter, prefix=str(prefix), site=(str(prefix / "site"),))
    return Environment(interpreter, judged.setting.sandbox, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def ask(judged: Place, environment: Environment) -> Ask:
    """The dependencies of a piece of code, as an answer for `target.shop.ranked`."""

    def asked(
        code: str, *, original: str = "", registry: Registry | None = None, hidden: tuple[str, ...] = ()
    ) -> Dependencies:
        known = environment if registry is None else replace(environment, registry=registry, _worlds={})
        world = known.world(judged.setting.checkout, frozenset({"."}), hidden)
        return dependencies_of(textwrap.dedent(code), original, judged.functions["ranked"], world)

    return asked


def flaws(found: Dependencies) -> list[tuple[str, str]]:
    """The counted findings, by flaw and name."""
    return [(item.flaw.value, item.name) for item in found.findings if not item.guarded]


def site_folder(environment: Environment) -> Path:
    """Where the packages lie."""
    return Path(environment.interpreter.site[0])
