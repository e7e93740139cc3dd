"""The `cereval` command: turns a command line into a call of one command, and our own errors into one message."""

from __future__ import annotations

from typing import Any

import click

from pytest_cereval import __version__
from pytest_cereval.commands.claims import compare, gate, report
from pytest_cereval.commands.completion import completion
from pytest_cereval.commands.doctor import doctor
from pytest_cereval.commands.explain import explain
from pytest_cereval.commands.inspect import inspect
from pytest_cereval.commands.memory import contamination, probe
from pytest_cereval.commands.merge import merge
from pytest_cereval.commands.pin import pin
from pytest_cereval.commands.records import export, runs
from pytest_cereval.commands.session import evaluate, generate
from pytest_cereval.commands.syncheck import syncheck
from pytest_cereval.commands.tasks import tasks
from pytest_cereval.commands.verify import verify
from pytest_cereval.errors import CerevalError

COMMANDS: tuple[click.Command, ...] = (
    *(doctor, tasks, pin),
    *(generate, syncheck, evaluate),
    *(runs, report, compare, gate, contamination, probe),
    *(inspect, explain),
    *(export, verify, merge),
    completion,
)
"""In the order in which `cereval --help` lists them: before a run, the run, its numbers, single results, keeping."""


class _Group(click.Group):
    """Shows our own errors as one message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CerevalError as error:
            raise click.ClickException(str(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As they were added, instead of in order of name."""
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Evaluate code models on your own repository.

    In one go an evaluation runs as `pytest --cereval-repo=PATH --cereval-model=MODEL`; in two steps as `cereval
    generate` and `cereval evaluate`. Every command shows examples with --help; all but completion print JSON with
    --json.

    \b
    Examples:
      cereval doctor
      cereval tasks ../service@v2.1
      cereval generate ../service@v2.1 --model=model.gguf
      cereval evaluate ../service
      cereval report
    """


for _command in COMMANDS:
    main.add_command(_command)

if __name__ == "__main__":
    main()
