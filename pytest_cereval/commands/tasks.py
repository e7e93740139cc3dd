"""`cereval tasks`: turns a commit into its tasks and its ledger, and prints them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_cereval.commands.common import (
    Stages,
    cache_option,
    json_option,
    python_option,
    sandbox_option,
    say_json,
)

if TYPE_CHECKING:
    from pytest_cereval.tasks.suite import Suite


@click.command(short_help="List the tasks and the ledger of a commit; needs no model.")
@click.argument("repository", metavar="PATH[@REV]")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Make only N tasks, a fixed stratified choice; 0 makes all.",
)
@click.option(
    "--context-tokens",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    metavar="N",
    help="Code around the function in a question, in tokens (estimated).",
)
@click.option("--categories", default="", metavar="LIST", help="Categories, as a list with commas; all by default.")
@click.option(
    "--faults",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Bugs asked about each function, at most.",
)
@click.option(
    "--hint",
    type=click.Choice(["none", "symptom"]),
    default="none",
    show_default=True,
    help="What a question about a bug gives away: none, or symptom (a call that shows it).",
)
@click.option("--constrained", is_flag=True, help="Make the questions of a run with --cereval-constrained.")
@click.option("--fresh", is_flag=True, help="Record and certify anew: take over nothing that the cache holds.")
@json_option
@python_option
@sandbox_option
@cache_option
def tasks(
    repository: str,
    limit: int,
    context_tokens: int,
    categories: str,
    faults: int,
    hint: str,
    constrained: bool,
    fresh: bool,
    as_json: bool,
    python: Path,
    sandbox: str,
    cache: Path,
) -> None:
    """Turn every function of a commit into a task or a ledger entry, and print them.

    The JSON holds everything: tasks, prompts, certificates, ledger. It is the same, byte for byte, for the same commit,
    rules, interpreter and settings.

    \b
    Examples:
      cereval tasks ../service@v2.1
      cereval tasks ../service@v2.1 --categories=code_generation --limit=20
      cereval tasks ../service@v2.1 --json > tasks.json
    """
    from pytest_cereval.assembly import BuildSettings
    from pytest_cereval.build import build_suite
    from pytest_cereval.categories.registry import KNOWN, named
    from pytest_cereval.sandbox.choose import choose_sandbox
    from pytest_cereval.sandbox.interpreter import inspect_interpreter
    from pytest_cereval.sandbox.sandbox import Level
    from pytest_cereval.tasks.prompt import PromptSettings
    from pytest_cereval.tasks.reuse import reused_text

    try:
        chosen = named(categories) if categories else KNOWN
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--categories") from error
    built = build_suite(
        repository,
        BuildSettings(limit, chosen, hint, faults, constrained, prompt=PromptSettings(context_tokens)),
        interpreter=inspect_interpreter(python),
        sandbox=lambda: choose_sandbox(Level(sandbox)),
        cache_folder=cache,
        progress=Stages(),
        fresh=fresh,
    )
    if built.reused:
        click.echo(f"certificates {reused_text(built.reused)}", err=True)
    if as_json:
        say_json(built.suite.to_dict())
    else:
        _tell(built.suite)


def _tell(suite: Suite) -> None:
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
