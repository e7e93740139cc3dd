"""The `cereval` command: what can be done without a pytest session."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import platformdirs

from pytest_cereval import __version__
from pytest_cereval.errors import CerevalError

STORE = ".cereval/cereval.sqlite"


class _Group(click.Group):
    """Shows our own errors as one message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CerevalError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Evaluate code models on your own repository. Evaluations themselves run as `pytest --cereval-repo=PATH`."""


_cache = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=lambda: Path(platformdirs.user_cache_dir("pytest-cereval")),
    help="Folder for checkouts, certificates and demo models.",
    show_default="the user's cache folder",
)
_store = click.option("--store", type=click.Path(path_type=Path), default=STORE, show_default=True, help="The record.")
_python = click.option(
    "--python", type=click.Path(path_type=Path), default=sys.executable, help="Interpreter of the repository."
)
_sandbox = click.option(
    "--sandbox",
    type=click.Choice(["ns", "landlock", "unsafe"]),
    default="ns",
    show_default=True,
    help="The weakest isolation to accept.",
)


@main.command()
@click.argument("repository", metavar="PATH[@REV]")
@click.option("--json", "as_json", is_flag=True, help="Print everything: tasks, prompts, certificates, ledger.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="Only N tasks, a fixed stratified choice.")
@click.option(
    "--context-tokens",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    help="Code around the function.",
)
@click.option("--categories", default="", metavar="LIST", help="Which categories, with commas; all by default.")
@click.option("--faults", type=click.IntRange(min=1), default=1, show_default=True, help="Bugs asked about a function.")
@click.option("--hint", type=click.Choice(["none", "symptom"]), default="none", help="What is given away of a bug.")
@_python
@_sandbox
@_cache
def tasks(
    repository: str,
    as_json: bool,
    limit: int,
    context_tokens: int,
    categories: str,
    faults: int,
    hint: str,
    python: Path,
    sandbox: str,
    cache: Path,
) -> None:
    """Turn every function of a commit into a task or a ledger entry, and print them.

    The JSON is the same, byte for byte, for the same commit, rules, interpreter and settings.
    """
    from pytest_cereval.assembly import BuildSettings
    from pytest_cereval.build import build_suite
    from pytest_cereval.categories.registry import KNOWN, named
    from pytest_cereval.sandbox.choose import choose_sandbox
    from pytest_cereval.sandbox.interpreter import inspect_interpreter
    from pytest_cereval.sandbox.sandbox import Level
    from pytest_cereval.tasks.prompt import PromptSettings

    try:
        chosen = named(categories) if categories else KNOWN
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--categories") from error
    suite = build_suite(
        repository,
        BuildSettings(
            limit=limit,
            categories=chosen,
            hint=hint,
            faults=faults,
            prompt=PromptSettings(context_tokens),
        ),
        interpreter=inspect_interpreter(python),
        sandbox=lambda: choose_sandbox(Level(sandbox)),
        cache_folder=cache,
        progress=_Stages(),
    ).suite
    if as_json:
        click.echo(json.dumps(suite.to_dict(), indent=1, sort_keys=True))
        return
    click.echo(
        f"{suite.revision.name} at {suite.revision.commit}: {suite.functions} functions, {len(suite.tasks)} tasks"
    )
    for task in suite.tasks:
        score = task.certificate.mutation_score
        shown = "no mutants" if score is None else f"{score:.0%} of {task.certificate.mutants_total} mutants"
        click.echo(f"  {task.id}  {task.stratum:18} {len(task.inputs):3} inputs  {shown:22}  {task.name}")
    click.echo("no task, by reason:")
    for reason, count in suite.reasons().items():
        click.echo(f"  {count:4}  {reason}")


class _Stages:
    """Prints each stage of a build once, on standard error."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._stage = stage
            click.echo(f"{stage} …", err=True)


@main.command()
@_store
def runs(store: Path) -> None:
    """List the runs that a store holds."""
    from pytest_cereval.results.statistics import summarise
    from pytest_cereval.results.store import Store

    with Store.open(store, must_exist=True) as opened:
        for run in opened.runs():
            overall = summarise(opened.attempts(run.run_id)).overall
            click.echo(f"{run.run_id}  {run.status.value:11}  {overall.passed} of {overall.scored} pass")


@main.command()
@click.option("--run", "run_id", default="", help="Which run; the latest if not given.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write one JSON document here.")
@click.option("--jsonl", "jsonl_file", type=click.Path(path_type=Path), help="Write one JSON line per attempt here.")
@_store
def export(run_id: str, json_file: Path | None, jsonl_file: Path | None, store: Path) -> None:
    """Write a run's record as JSON, JSON Lines, or both."""
    from pytest_cereval.results.export import export_json, export_jsonl
    from pytest_cereval.results.store import Store

    if json_file is None and jsonl_file is None:
        raise click.UsageError("nothing to write: give --json=FILE, --jsonl=FILE, or both")
    with Store.open(store, must_exist=True) as opened:
        chosen = run_id or opened.latest_run_id()
        if chosen is None:
            raise click.ClickException(f"{store} holds no run yet")
        if json_file is not None:
            export_json(opened, chosen, json_file)
        if jsonl_file is not None:
            export_jsonl(opened, chosen, jsonl_file)


@main.command()
@_python
@_sandbox
def doctor(python: Path, sandbox: str) -> None:
    """Check the set-up: the sandbox and its promises, the judge, the interpreter, llama.cpp, git."""
    import importlib.metadata
    import shutil

    from pytest_cereval.judge_check import check_judge
    from pytest_cereval.sandbox.choose import choose_sandbox
    from pytest_cereval.sandbox.interpreter import inspect_interpreter
    from pytest_cereval.sandbox.sandbox import Level
    from pytest_cereval.sandbox.selftest import promises, self_test

    interpreter = inspect_interpreter(python)
    click.echo(f"interpreter  {interpreter.executable} {interpreter.version}")
    click.echo(f"git          {shutil.which('git') or 'MISSING: install git'}")
    click.echo(f"llama.cpp    llama-cpp-python {importlib.metadata.version('llama-cpp-python')}")
    chosen = choose_sandbox(Level(sandbox))
    described = ", ".join(f"{name} {value}" for name, value in chosen.describe().items())
    click.echo(f"sandbox      {chosen.level} ({described})")
    self_test(chosen, interpreter)
    for promise in promises(chosen.level):
        click.echo(f"  holds      {promise}")
    click.echo(f"judge        {check_judge(chosen, interpreter).sentence}")


@main.command()
@click.argument("task")
@click.option("--candidate", type=click.Path(path_type=Path), help="An answer, Markdown or code, to judge.")
@click.option("--hidden", is_flag=True, help="Show a few hidden calls as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@_python
@_sandbox
@_cache
def explain(
    task: str, candidate: Path | None, hidden: bool, as_json: bool, python: Path, sandbox: str, cache: Path
) -> None:
    """Show what is known of a TASK (its id, the beginning of it, or a function's name), and judge an answer to it.

    Tasks are found in the cache, where a run or `cereval tasks` has left them. With --candidate, exit code 1 says that
    the answer does not pass.
    """
    from pytest_cereval import explain as told
    from pytest_cereval.sandbox.choose import choose_sandbox
    from pytest_cereval.sandbox.interpreter import inspect_interpreter
    from pytest_cereval.sandbox.sandbox import Level

    known = told.find_task(cache, task)
    judged = None
    if candidate is not None:
        answer = told.read_answer(candidate)
        judged = told.replay(known, answer, choose_sandbox(Level(sandbox)), inspect_interpreter(python))
    count = told.HIDDEN_SHOWN if hidden else 0
    if as_json:
        verdict = {} if judged is None else {"candidate": told.judged_dict(judged)}
        click.echo(json.dumps(known.to_dict(count) | verdict, indent=1, sort_keys=True))
    else:
        lines = [*known.lines(count), *(() if judged is None else ("", *told.judged_lines(judged)))]
        click.echo("\n".join(lines))
    if judged is not None and not judged.verdict.is_pass:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
