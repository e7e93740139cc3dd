"""`cereval verify`: turns a bundle into a list of what holds and what does not, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
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
from pytest_cereval.errors import CerevalError

if TYPE_CHECKING:
    from pytest_cereval.bundle.check import Check
    from pytest_cereval.bundle.contents import Contents
    from pytest_cereval.bundle.rebuild import Place

_WIDTH = 400


@click.command(short_help="Check a bundle: digests, statistics, signature, verdicts.")
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True),
    help="The evaluator's Ed25519 public key, to check the signature.",
)
@click.option(
    "--repo",
    type=click.Path(path_type=Path, exists=True),
    metavar="PATH",
    help="The repository: build its tasks again and compare them.",
)
@click.option(
    "--static", default="", metavar="humaneval|FILE", help="For --repo: the public set that was asked as well."
)
@click.option(
    "--rescore", is_flag=True, help="Judge the stored answers again in the sandbox, and compare the verdicts."
)
@json_option
@python_option
@sandbox_option
@cache_option
def verify(
    bundle: Path,
    key: Path | None,
    repo: Path | None,
    static: str,
    rescore: bool,
    as_json: bool,
    python: Path,
    sandbox: str,
    cache: Path,
) -> None:
    """Check a run's BUNDLE: digests, statistics, records, signature; with options also its tasks and verdicts.

    \b
    Exit codes:
      0  all that was asked for holds
      1  something was changed, is missing or contradicts itself; it is named
      2  the command line cannot be used
      3  something that was asked for could not be checked

    \b
    Examples:
      cereval verify out
      cereval verify out --key=evaluator.pub
      cereval verify out --repo=../shop --rescore
      cereval verify out --repo=../shop --static=humaneval --json
    """
    from pytest_cereval.bundle.check import ExitCode
    from pytest_cereval.bundle.rebuild import Place
    from pytest_cereval.bundle.signing import read_public_key
    from pytest_cereval.bundle.verify import LIMIT
    from pytest_cereval.bundle.verify import verify as checks_of
    from pytest_cereval.sandbox.choose import choose_sandbox
    from pytest_cereval.sandbox.sandbox import Level

    if static and repo is None:
        raise click.UsageError("--static says what to build beside the repository's tasks: give --repo=PATH")
    place = Place(python, lambda: choose_sandbox(Level(sandbox)), cache, Stages(), static)
    try:
        public = read_public_key(key) if key else None
    except CerevalError as error:
        raise click.BadParameter(str(error), param_hint="--key") from error
    try:
        found = checks_of(bundle, public)
        checks = list(found.checks)
        if found.contents is not None:
            checks += _judged_again(found.contents, repo, rescore, place)
    except CerevalError as error:
        click.echo(f"could not check: {error}", err=True)
        raise SystemExit(int(ExitCode.UNCHECKED)) from error
    code = ExitCode.of(checks)
    limit = "" if public else LIMIT
    if as_json:
        told = {"exit_code": int(code), "limit": limit, "manifest_sha256": found.manifest_sha256}
        say_json({"checks": [each.to_dict() for each in checks], **told})
    else:
        lines = [*(line for each in checks for line in _lines(each)), _MEANINGS[code.name]]
        click.echo("\n".join([*lines, *([] if code or not limit else [limit])]))
    raise SystemExit(int(code))


_MEANINGS = {
    "HOLDS": "the bundle holds",
    "BROKEN": "the bundle does NOT hold: what is named above was changed, is missing or contradicts itself",
    "UNCHECKED": "nothing is known to be broken, but not all could be checked",
}


def _judged_again(contents: Contents, repo: Path | None, rescore: bool, place: Place) -> list[Check]:
    """What needs more than the bundle, where it was asked for."""
    from pytest_cereval.bundle.rebuild import rebuild
    from pytest_cereval.bundle.rescore import rescore as judge_again

    checks: list[Check] = []
    built = None
    if repo is not None:
        checks, built = rebuild(contents, repo, place)
    if rescore:
        checks.append(judge_again(contents, place, built))
    return checks


def _lines(check: Check) -> Iterator[str]:
    """A check for people; what a bundle holds is made printable."""
    from pytest_cereval.results.printing import one_line

    yield f"{check.outcome.value:16}{check.name}{f': {one_line(check.about)}' if check.about else ''}"
    yield from (f"{'':16}  {one_line(finding, _WIDTH)}" for finding in check.findings)
