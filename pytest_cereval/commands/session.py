"""`cereval generate` and `cereval evaluate`: turn a command line into the pytest session that asks, or that judges.

Both are pytest with the options that a person would give it, in this process, so that what is on record, the exit code
and an interruption are those of pytest.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest

from pytest_cereval.commands.common import json_option, say_json, store_option
from pytest_cereval.errors import CerevalError
from pytest_cereval.options import OPTIONS, Option

Command = TypeVar("Command", bound=Callable[..., Any])
_OPTIONS = {option.name: option for option in OPTIONS}
_ASKING = (
    *("limit", "categories", "faults", "hint", "constrained", "context-tokens", "static", "cutoff", "shard", "resume"),
    *("samples", "batch", "temperature", "seed", "max-tokens", "answer-timeout", "thinking", "plain-prompt"),
    *("ctx", "gpu-layers", "flash-attn", "type-k", "type-v", "threads"),
)
_JUDGING = ("gate", "baseline", "margin", "lint", "registry", "out", "sign")
_ANYWHERE = ("python", "sandbox", "cache", "evaluator")
_CONTRADICT = {
    "generate": ("score", "gate", "baseline", "demo"),
    "evaluate": ("model", "resume", "generate-only", "samples", "batch", "demo"),
}
"""What an ini file may say for evaluations in one go, and what contradicts a session of one half."""
_IMPORTED = ("-W", "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning")
"""pytest warns of plugins that were imported before it began, as this one was, by the command."""
_MORE = click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST OPTIONS]")


def _pytest_options(*names: str) -> Callable[[Command], Command]:
    """The options of pytest under their names without the prefix; what is not given is left to an ini file."""

    def add(command: Command) -> Command:
        for name in reversed(names):
            option = _OPTIONS[name]
            declared = [f"--{name}", name.replace("-", "_")]
            if option.flag:
                command = click.option(*declared, is_flag=True, help=option.help)(command)
            else:
                command = click.option(*declared, metavar=option.metavar, help=option.help)(command)
        return command

    return add


@click.command(short_help="Ask a model all questions; judge nothing.")
@click.argument("repository", metavar="PATH[@REV]")
@_MORE
@click.option("--model", required=True, metavar="MODEL", help=_OPTIONS["model"].help)
@_pytest_options(*_ASKING, *_ANYWHERE)
@json_option
@store_option
def generate(repository: str, more: Sequence[str], as_json: bool, store: Path, **given: Any) -> None:
    """Ask a model every question of a commit, and keep the answers; judge nothing.

    This is `pytest --cereval-generate-only`. The run is judged later, here or elsewhere, by `cereval evaluate`.

    \b
    Exit codes:
      0  every question has an answer
      1  some questions have none; the store says why
      2  interrupted (--resume goes on), or this command line cannot be used
      3  an error inside pytest, or the record cannot be written
      4  an option, the repository or the model cannot be used as given
      5  nothing was selected

    \b
    Examples:
      cereval generate ../service@v2.1 --model=model.gguf
      cereval generate ../service --model=model.gguf --samples=5 --temperature=0.8 --json
      cereval generate ../service --model=model.gguf -- -k prices
    """
    arguments = [*_switches({"repo": repository, **_named(given)}), "--cereval-generate-only"]
    _end(_session("generate", arguments, more, store, as_json), store, as_json, _answered)


@click.command(short_help="Judge stored answers, without a model.")
@click.argument("repository", metavar="PATH[@REV]")
@_MORE
@click.option("--run", default="latest", show_default=True, help="The run whose answers are judged: latest, or its id.")
@_pytest_options(*_JUDGING, *_ANYWHERE)
@json_option
@store_option
def evaluate(repository: str, more: Sequence[str], run: str, as_json: bool, store: Path, **given: Any) -> None:
    """Judge the answers that a run of the store holds, without a model.

    This is `pytest --cereval-score`. What shaped the questions is taken from the record of the run: limit, categories,
    the interpreter if it is still there, and so on, and the commit unless REV is given.

    \b
    Exit codes:
      0   every answer is right; with --gate or --baseline: the gate is met
      1   some answers are wrong, or have no verdict
      2   interrupted, or this command line cannot be used
      3   an error inside pytest, or the record cannot be written
      4   an option, the repository or the run cannot be used as given
      5   nothing was selected
      10  a gate is not met
      11  a gate cannot be decided

    \b
    Examples:
      cereval evaluate ../service
      cereval evaluate ../service --run=20260102-101500-ab12 --gate=0.6 --json
      cereval evaluate ../service -- -n auto --html=report.html
    """
    from pytest_cereval.rerun import question_options
    from pytest_cereval.results.looking import find_run
    from pytest_cereval.results.store import Store

    try:
        with Store.open(store, must_exist=True) as opened:
            found = find_run(opened, run)
        questions = question_options(found.provenance, _OPTIONS)
    except CerevalError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(int(pytest.ExitCode.USAGE_ERROR)) from error
    switches = _switches(
        {**questions, "repo": _at(repository, found.provenance), "score": found.run_id, **_named(given)}
    )
    _end(_session("evaluate", switches, more, store, as_json), store, as_json, _judged)


class _Watch:
    """A plugin of the session that notes which run it became."""

    run_id = ""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Ask the controlling side, which is there if the options could be used."""
        controller = session.config.pluginmanager.getplugin("cereval-controller")
        self.run_id = controller.run_info().run_id if controller is not None else ""


def _session(command: str, switches: Sequence[str], more: Sequence[str], store: Path, as_json: bool) -> tuple[int, str]:
    """The exit code and the run's id; where JSON is wanted, what pytest prints goes to standard error."""
    undone = [part for name in _CONTRADICT[command] for part in ("-o", _unset(_OPTIONS[name]))]
    arguments = [*_IMPORTED, *switches, f"--cereval-store={store.absolute()}", *undone, *more]
    watch = _Watch()
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        code = pytest.main(arguments, plugins=[watch])
    return int(code), watch.run_id


def _end(ended: tuple[int, str], store: Path, as_json: bool, told: Callable[[Path, str], dict[str, Any]]) -> None:
    code, run_id = ended
    if as_json:
        facts = told(store, run_id) if run_id else {}
        say_json({"exit_code": code, "run_id": run_id or None, "store": str(store), **facts})
    raise SystemExit(code)


def _answered(store: Path, run_id: str) -> dict[str, Any]:
    from pytest_cereval.results.store import Store

    with Store.open(store, must_exist=True) as opened:
        answers = opened.completions(run_id)
        faults = [each.to_dict() for each in opened.attempts(run_id)]
        return {"tasks": len(opened.tasks(run_id)), "answers": len(answers), "without_an_answer": faults}


def _judged(store: Path, run_id: str) -> dict[str, Any]:
    from pytest_cereval.results.looking import find
    from pytest_cereval.results.store import Store

    with Store.open(store, must_exist=True) as opened:
        return find(opened, run_id).to_dict()


def _at(repository: str, provenance: Mapping[str, Any]) -> str:
    """The repository at the run's commit, unless another revision is named."""
    from pytest_cereval.source.repository import split_spec

    commit = provenance.get("repository", {}).get("commit", "")
    whole = split_spec(repository)[0] == Path(repository)
    return f"{repository}@{commit}" if whole and commit else repository


def _named(given: Mapping[str, Any]) -> dict[str, str]:
    """What was given, by the options' names; a flag that is set has an empty text."""
    known = {name.replace("_", "-"): value for name, value in given.items()}
    return {name: "" if value is True else str(value) for name, value in known.items() if value not in (None, False)}


def _switches(values: Mapping[str, str]) -> list[str]:
    """The options as pytest takes them; paths are relative to where the command is called, as in other commands."""
    return [_switch(_OPTIONS[name], value) for name, value in values.items()]


def _switch(option: Option, value: str) -> str:
    if option.flag:
        return option.switch
    kind, colon, rest = value.partition(":")
    if option.name == "model" and colon and kind in ("demo", "hf"):
        return f"{option.switch}={value}"
    if option.name == "model" and colon and kind == "replay":
        return f"{option.switch}=replay:{_absolute(rest)}"
    if option.is_path or (option.name == "static" and value != "humaneval"):
        return f"{option.switch}={_absolute(value)}"
    return f"{option.switch}={value}"


def _unset(option: Option) -> str:
    return f"{option.key}={'false' if option.flag else ''}"


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
