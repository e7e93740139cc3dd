"""`cereval explain`: turns the name of a task into what is known of it, and an answer to it into a verdict."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_cereval.commands.common import cache_option, json_option, python_option, sandbox_option, say_json


@click.command(short_help="Show a task, and judge an answer of your own to it.")
@click.argument("task")
@click.option("--candidate", type=click.Path(path_type=Path), help="An answer, Markdown or code, to judge.")
@click.option("--hidden", is_flag=True, help="Show a few hidden calls as well.")
@json_option
@python_option
@sandbox_option
@cache_option
def explain(
    task: str, candidate: Path | None, hidden: bool, as_json: bool, python: Path, sandbox: str, cache: Path
) -> None:
    """Show what is known of a TASK (its id, the beginning of it, or a function's name), and judge an answer to it.

    Tasks are found in the cache, where a run or `cereval tasks` has left them. With --candidate, exit code 1 says that
    the answer does not pass.

    \b
    Examples:
      cereval explain shop.prices.words
      cereval explain words --candidate=answer.md
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
        say_json(known.to_dict(count) | verdict)
    else:
        lines = [*known.lines(count), *(() if judged is None else ("", *told.judged_lines(judged)))]
        click.echo("\n".join(lines))
    if judged is not None and not judged.verdict.is_pass:
        raise SystemExit(1)
