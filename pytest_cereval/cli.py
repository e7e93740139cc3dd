"""The `cereval` command: what can be done without a pytest session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pytest_cereval import __version__
from pytest_cereval.commands.claims import compare, contamination, gate, report
from pytest_cereval.commands.common import Stages as _Stages
from pytest_cereval.commands.common import cache_option as _cache
from pytest_cereval.commands.common import python_option as _python
from pytest_cereval.commands.common import sandbox_option as _sandbox
from pytest_cereval.commands.common import store_option as _store
from pytest_cereval.commands.inspect import inspect
from pytest_cereval.commands.merge import merge
from pytest_cereval.commands.verify import verify
from pytest_cereval.errors import CerevalError


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
@click.option("--bundle", type=click.Path(path_type=Path), help="Write the run's bundle into this new folder.")
@click.option("--report", type=click.Path(path_type=Path), help="For the bundle: an HTML report, with its pages.")
@click.option("--sign", type=click.Path(path_type=Path), help="For the bundle: an Ed25519 private key.")
@_store
def export(
    run_id: str,
    json_file: Path | None,
    jsonl_file: Path | None,
    bundle: Path | None,
    report: Path | None,
    sign: Path | None,
    store: Path,
) -> None:
    """Write a run's record as JSON, as JSON Lines, or as a bundle that `cereval verify` checks."""
    from pytest_cereval.bundle.signing import Signer
    from pytest_cereval.bundle.write import write_bundle
    from pytest_cereval.results.export import export_json, export_jsonl
    from pytest_cereval.results.store import Store

    if json_file is None and jsonl_file is None and bundle is None:
        raise click.UsageError("nothing to write: give --json=FILE, --jsonl=FILE, --bundle=DIR, or several")
    if bundle is None and (report or sign):
        raise click.UsageError("--report and --sign are for a bundle: give --bundle=DIR")
    with Store.open(store, must_exist=True) as opened:
        chosen = run_id or opened.latest_run_id()
        if chosen is None:
            raise click.ClickException(f"{store} holds no run yet")
        if json_file is not None:
            export_json(opened, chosen, json_file)
        if jsonl_file is not None:
            export_jsonl(opened, chosen, jsonl_file)
        if bundle is not None:
            signer = Signer.from_file(sign) if sign else None
            click.echo(write_bundle(bundle, opened, chosen, report=report, signer=signer).sentence)


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
@click.argument("requirements", nargs=-1, required=True, metavar="NAME==VERSION...")
@click.option("--out", type=click.Path(path_type=Path), help="The repository to write; ./NAME if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print the commits as JSON.")
def pin(requirements: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Turn releases of a package into a git repository, one commit for each, dated by its upload.

    Give versions (NAME==1.0 NAME==1.1) or a range ('NAME>=1,<2'). Source distributions come from the package index that
    pip uses. They are unpacked and never built.
    """
    from pytest_cereval.source.pinning.repository import pin as pin_releases

    pinned = pin_releases(requirements, out, progress=_Stages())
    if as_json:
        click.echo(json.dumps(pinned.to_dict(), indent=1, sort_keys=True))
        return
    for release in pinned.releases:
        click.echo(f"{release.commit[:10]}  {release.uploaded[:10]}  {release.version:12} {release.filename}")
    for version in pinned.without_source:
        click.echo(f"no source distribution: {version}")
    click.echo(f"{pinned.path} holds {len(pinned.releases)} releases of {pinned.name}")


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


main.add_command(compare)
main.add_command(contamination)
main.add_command(gate)
main.add_command(inspect)
main.add_command(merge)
main.add_command(report)
main.add_command(verify)

if __name__ == "__main__":
    main()
