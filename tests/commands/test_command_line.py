"""What holds for every command: help with an example, JSON that can be read, options of one name, completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pytest_cereval.cli import main
from pytest_cereval.results.store import Store
from tests.bundle.conftest import RUN, VERDICTS, attempt_at, fill
from tests.test_docs import _commands

WITHOUT_JSON = {"completion"}
"""What prints a script and nothing else."""


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    """A store with one run."""
    file = tmp_path / "cereval.sqlite"
    with Store.open(file) as store:
        fill(store, RUN, [attempt_at(number, verdict) for number, verdict in enumerate(VERDICTS)])
    return file


@pytest.mark.parametrize("name", main.commands)
def test_the_help_of_each_command_ends_with_examples_that_it_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda kind, value, parameter, context: value)  # no file is there
    shown = CliRunner().invoke(main, [name, "--help"], terminal_width=200).output
    examples = re.findall(rf"^ +((?:eval.*)?cereval {name}\b.*)$", shown.partition("Examples:")[2], re.MULTILINE)

    assert len(examples) >= 2
    for example in examples:
        plain = re.sub(r'^eval "\$\((.*)\)"', r"\1", re.sub(r" [>#] .*", "", example))
        (words,) = [each for each in _commands(plain) if each]
        main.commands[name].make_context(name, words[2:])


@pytest.mark.parametrize("name", sorted(set(main.commands) - WITHOUT_JSON))
def test_each_command_has_the_same_json_option(name: str) -> None:
    options = {each.name: each for each in main.commands[name].params if isinstance(each, click.Option)}

    assert options["as_json"].is_flag
    assert options["as_json"].opts == ["--json"]
    assert options["as_json"].help == "Print the same as JSON."


def test_an_option_has_one_meaning_in_all_commands() -> None:
    kinds: dict[str, set[tuple[bool, str]]] = {}
    for command in main.commands.values():
        for each in command.params:
            if isinstance(each, click.Option) and each.opts[-1] in ("--store", "--cache", "--json", "--markdown"):
                kinds.setdefault(each.opts[-1], set()).add((each.is_flag, type(each.type).__name__))

    assert {name: len(found) for name, found in kinds.items()} == dict.fromkeys(kinds, 1) | {"--cache": 2}


def test_runs_are_listed_as_json_with_their_rates(store_file: Path) -> None:
    found = json.loads(CliRunner().invoke(main, ["runs", f"--store={store_file}", "--json"]).output)

    assert [(each["run_id"], each["status"]) for each in found["runs"]] == [(RUN, "finished")]
    assert (found["runs"][0]["overall"]["passed"], found["runs"][0]["overall"]["scored"]) == (2, 4)


def test_an_export_says_as_json_what_it_wrote(store_file: Path, tmp_path: Path) -> None:
    file, folder = tmp_path / "run.json", tmp_path / "kept"
    result = CliRunner().invoke(
        main, ["export", f"--store={store_file}", f"--json-file={file}", f"--bundle={folder}", "--json"]
    )
    found = json.loads(result.output)

    assert found["run_id"] == RUN
    assert list(found["files"]) == [str(file)]
    assert json.loads(file.read_text())["run"]["run_id"] == RUN
    assert found["bundle"]["folder"] == str(folder)
    assert len(found["bundle"]["manifest_sha256"]) == 64


def test_an_export_of_nothing_says_what_can_be_written(store_file: Path) -> None:
    result = CliRunner().invoke(main, ["export", f"--store={store_file}", "--json"])

    assert result.exit_code == 2
    assert "give --json-file=FILE, --jsonl-file=FILE, --bundle=DIR" in result.output


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("cereval ver", "plain,verify"), ("cereval gate --marg", "plain,--margin"), ("cereval nothing", "")],
)
def test_a_shell_completes_commands_and_options(typed: str, expected: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")), "_CEREVAL_COMPLETE": "bash_complete"}
    program = "from pytest_cereval.cli import main; main(prog_name='cereval')"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | words, capture_output=True, text=True, check=False
    )

    assert done.stdout.strip() == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_asks_with_the_variable_that_the_program_looks_for(shell: str) -> None:
    script = CliRunner().invoke(main, ["completion", shell])

    assert script.exit_code == 0
    assert f"_CEREVAL_COMPLETE={shell}_complete" in script.output
    assert "cereval" in script.output


def test_bash_takes_the_script() -> None:
    script = CliRunner().invoke(main, ["completion", "bash"]).output
    done = subprocess.run(["bash", "-c", f"{script}\ncomplete -p cereval"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "cereval" in done.stdout


def test_a_shell_that_is_not_known_is_refused() -> None:
    result = CliRunner().invoke(main, ["completion", "tcsh"])

    assert result.exit_code == 2
    assert "'tcsh' is not one of" in result.output
