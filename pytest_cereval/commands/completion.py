"""`cereval completion`: turns the name of a shell into the script that completes `cereval` there."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_CEREVAL_COMPLETE"
"""What the script sets when it asks for completions; click looks for it under the name of the program."""


@click.command(short_help="Print the script for completion in a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete commands and options.

    \b
    Examples:
      eval "$(cereval completion bash)"      # in ~/.bashrc; zsh in ~/.zshrc alike
      cereval completion fish > ~/.config/fish/completions/cereval.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"this version of click completes nothing in {shell}")
    click.echo(found(context.find_root().command, {}, "cereval", VARIABLE).source())
