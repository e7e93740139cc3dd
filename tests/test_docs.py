"""The documents say what the code does: options, verdicts, commands, folders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_cereval.cli import main
from pytest_cereval.options import OPTIONS
from pytest_cereval.results.failure import Failure
from pytest_cereval.results.verdict import Verdict

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_option_is_explained_in_the_readme(option: object) -> None:
    switch = getattr(option, "switch", "")

    assert re.search(rf"^\| `{re.escape(switch)}[`=]", README, re.MULTILINE)
    assert getattr(option, "help", "") in README


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_is_explained_in_the_readme(verdict: Verdict) -> None:
    assert f"| `{verdict.value}` | {verdict.meaning} |" in README


@pytest.mark.parametrize("failure", Failure)
def test_each_class_of_failure_is_explained_in_the_readme(failure: Failure) -> None:
    assert f"| {failure.value} | {failure.meaning} |" in README


def test_each_command_is_shown_in_the_readme_and_has_help() -> None:
    for name, command in main.commands.items():
        assert command.help
        assert f"cereval {name}" in README or name == "runs"


def test_the_two_set_up_commands_are_single_lines() -> None:
    for mark in ("demo", "tests"):
        block = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)\n```", README, re.DOTALL)
        assert block is not None
        assert "\n" not in block[1]
        assert block[1].startswith("python3 -m venv .venv && ")


def test_the_architecture_names_each_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()

    for folder in (ROOT / "pytest_cereval").iterdir():
        if (folder / "__init__.py").exists():
            assert f"`{folder.name}/`" in text
