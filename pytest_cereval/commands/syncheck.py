"""`cereval syncheck`: turns stored answers, or files of answers, into a list of those that cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_cereval.commands.common import cache_option, json_option, python_option, say_json, store_option
from pytest_cereval.errors import CerevalError

UNCHECKED = 3
"""Exit code where something could not be looked at; `cereval verify` has the same one."""

if TYPE_CHECKING:
    from pytest_cereval.oracles.linting import Linter
    from pytest_cereval.syncheck import Checked, Looked


@click.command(short_help="Parse answers, run none, and name what cannot be judged.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--run", default="latest", show_default=True, help="Without files: the run whose answers are looked at.")
@click.option("--task", default="", help="With files: the task that they answer; its id, or a function's name.")
@click.option(
    "--lint",
    type=click.Choice(["off", "ruff", "all"]),
    default="off",
    show_default=True,
    help="Linters whose remarks are told as well.",
)
@json_option
@store_option
@python_option
@cache_option
def syncheck(
    files: tuple[Path, ...],
    run: str,
    task: str,
    lint: str,
    as_json: bool,
    store: Path,
    python: Path,
    cache: Path,
) -> None:
    """Take the code out of answers and parse it, as the judge does before it runs anything; name what is wrong.

    Answers are those of a stored run, or those in FILES. A file holds one answer, as Markdown or code; a `.jsonl` file
    holds an object per line, with its text under `text`, `completion`, `answer` or `solution`, and perhaps a `task`.
    With a task the answer must define its function; without one it must hold code that parses. Answers that are more
    than code are counted and not looked at.

    \b
    Exit codes:
      0  every answer that was looked at can be judged
      1  some cannot; they are named
      2  the command line cannot be used
      3  something could not be looked at: a file, a run, or a task that the cache does not hold

    \b
    Examples:
      cereval syncheck
      cereval syncheck --run=20260102-101500-ab12 --lint=ruff --json
      cereval syncheck answer.md --task=shop.prices.words
      cereval syncheck answers.jsonl
    """
    from pytest_cereval import syncheck as looking
    from pytest_cereval.results.looking import find_run
    from pytest_cereval.results.store import Store

    if task and not files:
        raise click.UsageError("--task is for files; the answers of a run know their tasks")
    linter = _linter(lint, python, cache)
    try:
        if files:
            looked = looking.check_files(files, cache, task, linter)
        else:
            with Store.open(store, must_exist=True) as opened:
                looked = looking.check_run(opened, find_run(opened, run), cache, linter)
    except CerevalError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(UNCHECKED) from error
    if as_json:
        say_json(looked.to_dict())
    else:
        click.echo("\n".join(_lines(looked)))
    raise SystemExit(1 if looked.failing else 0)


def _linter(level: str, python: Path, cache: Path) -> Linter | None:
    if level == "off":
        return None
    from pytest_cereval.oracles.linting import Linter as Made
    from pytest_cereval.sandbox.interpreter import inspect_interpreter

    return Made(level, inspect_interpreter(python).version, cache)


def _lines(looked: Looked) -> Iterator[str]:
    """For people: what cannot be judged, what is worth a remark, and the counts."""
    from pytest_cereval.results.printing import counted

    for each in looked.checked:
        yield from _told(each)
    told = looked.to_dict()
    fine = len(looked.checked) - len(looked.failing)
    why = ", ".join(f"{count} {name}" for name, count in told["by_failure"].items())
    yield f"{fine} of {counted(len(looked.checked), 'answer')} can be judged{f'; {why}' if why else ''}"
    if looked.other:
        listed = ", ".join(f"{count} {name}" for name, count in told["not_looked_at"].items())
        yield f"not looked at, since such answers are more than code: {listed}"


def _told(checked: Checked) -> Iterator[str]:
    from pytest_cereval.results.printing import one_line

    sample = f" sample {checked.sample}" if checked.sample else ""
    where = f"{one_line(checked.name)}{sample}"
    if checked.failure:
        yield f"{where}: {checked.failure.value}: {one_line(checked.problem, _WIDTH)}"
    if checked.signature:
        given, original = (one_line(each, _WIDTH) for each in checked.signature)
        yield f"{where}: another signature, judged all the same: {given}, where the original is {original}"
    yield from (f"{where}: {one_line(note, _WIDTH)}" for note in checked.notes)
    for each in checked.remarks:
        yield f"{where}: line {each.line}: {each.tool} {each.code} {one_line(each.message, _WIDTH)}"


_WIDTH = 400
