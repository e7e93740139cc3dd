"""`cereval doctor`: turns the set-up into a list of what is there, what holds, and what is missing."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path
from typing import Any

import click

from pytest_cereval.commands.common import json_option, python_option, sandbox_option, say_json


@click.command(short_help="Check that the sandbox and the judge work here.")
@json_option
@python_option
@sandbox_option
def doctor(as_json: bool, python: Path, sandbox: str) -> None:
    """Check the set-up: the sandbox and its promises, the judge, the interpreter, llama.cpp, git.

    What is missing, a promise that does not hold, or a judge that misjudges is named and ends with exit code 1.

    \b
    Examples:
      cereval doctor
      cereval doctor --python=../service/.venv/bin/python --json
    """
    from pytest_cereval.judge_check import check_judge
    from pytest_cereval.sandbox.choose import choose_sandbox
    from pytest_cereval.sandbox.interpreter import inspect_interpreter
    from pytest_cereval.sandbox.sandbox import Level
    from pytest_cereval.sandbox.selftest import promises, self_test

    told: dict[str, Any] = {}

    def tell(name: str, value: Any, *lines: str) -> None:
        told[name] = value
        if not as_json:
            click.echo("\n".join(lines))

    interpreter = inspect_interpreter(python)
    facts = {"executable": interpreter.executable, "version": interpreter.version}
    tell("interpreter", facts, f"interpreter  {interpreter.executable} {interpreter.version}")
    git = shutil.which("git")
    tell("git", git, f"git          {git or 'MISSING: install git'}")
    llama = importlib.metadata.version("llama-cpp-python")
    tell("llama_cpp", llama, f"llama.cpp    llama-cpp-python {llama}")
    chosen = choose_sandbox(Level(sandbox))
    described = ", ".join(f"{name} {value}" for name, value in chosen.describe().items())
    level = {"level": chosen.level.value, **chosen.describe()}
    tell("sandbox", level, f"sandbox      {chosen.level} ({described})")
    self_test(chosen, interpreter)
    holds = list(promises(chosen.level))
    tell("promises", holds, *(f"  holds      {promise}" for promise in holds))
    checked = check_judge(chosen, interpreter)
    tell("judge", checked.to_dict(), f"judge        {checked.sentence}")
    if as_json:
        say_json(told)
    if git is None:
        click.get_current_context().exit(1)
