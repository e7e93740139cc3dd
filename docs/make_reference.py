"""Turns the options, commands and closed sets of the code into `docs/reference.md`; run it when a test says so."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
import pytest

from pytest_cereval.bundle.check import ExitCode as VerifyCode
from pytest_cereval.categories import generation
from pytest_cereval.categories.understanding import difficulty
from pytest_cereval.cli import main as command_line
from pytest_cereval.options import OPTIONS, Option
from pytest_cereval.results.band import Band
from pytest_cereval.results.failure import Failure
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.sandbox import Level
from pytest_cereval.source.ledger import Reason
from pytest_cereval.statistics.bands import Standing
from pytest_cereval.statistics.gate import ExitCode as GateCode
from pytest_cereval.statistics.noninferiority import Verdict as GateVerdict
from pytest_cereval.tasks.task import Category, Size

COMMAND = "python docs/make_reference.py"
TARGET = Path(__file__).with_name("reference.md")
_HEAD = f"""\
# Reference

Made from the code by `{COMMAND}`. Do not edit it: a test compares it with the code.

- [Options of pytest](#options-of-pytest)
- [Commands](#commands)
- [Exit codes](#exit-codes)
- [Verdicts](#verdicts)
- [Classes of failure](#classes-of-failure)
- [Verdicts of a gate](#verdicts-of-a-gate)
- [Bands](#bands)
- [Reasons in the ledger](#reasons-in-the-ledger)
- [Categories](#categories)
- [Levels of the sandbox](#levels-of-the-sandbox)
"""

# What a member of a closed set means where the code has no text for it. A member without a line here is an error.
REASONS = {
    Reason.UNPARSABLE: "The file is not valid Python for the interpreter that reads it.",
    Reason.NESTED: "It is defined inside another function, so nothing can call it from outside.",
    Reason.TRIVIAL: "Its body does nothing: `pass`, `...` or a docstring alone.",
    Reason.SHADOWED: "Another definition of the same name follows in the file, and that one is in use.",
    Reason.NOT_CALLED: "No test of the repository leads to a call of it.",
    Reason.OUT_OF_TIME: "The tests take longer than is recorded, and those that ran by then do not call it.",
    Reason.UNPICKLABLE: "Its arguments hold something that cannot be kept, such as an open file or a lock.",
    Reason.UNREACHABLE: "It cannot be found by its name once its module is imported.",
    Reason.UNBUILT: "Its arguments are of classes that exist in the tests only.",
    Reason.UNOBSERVABLE: "What it returns cannot be written down as plain data, so two results cannot be compared.",
    Reason.UNREPRODUCIBLE: "Two recordings of the tests saw different calls, by time or by chance.",
    Reason.UNSTABLE: "The original itself does not give the same result each time.",
    Reason.CRASHED: "The process of the original ended while its calls were replayed.",
    Reason.WEAK_STUB: "A body without content is not told from the original by any call.",
    Reason.WEAK_MUTANTS: "The calls tell too few small faults from the original.",
    Reason.REJECTS_REWRITE: "A rewrite that does the same is rejected, so right answers would be as well.",
    Reason.BROKEN_PIPELINE: "The original does not pass when it is judged like an answer.",
    Reason.NO_FAULT: "For `code_understanding`: no planted bug shows in any call.",
    Reason.NO_WEAKNESS: "For `security_audit`: nothing could be planted that works and can be exploited.",
    Reason.NO_FINDING: "With `--cereval-natural`: Bandit suspects nothing in it that a run could confirm.",
    Reason.UNFIT: "For a category of a `conftest.py`: the detail says why it asks nothing about this function.",
    Reason.UNPROVED: "For `code_generation`: a demanded property fails for the reference, or cannot be tried.",
    Reason.INTERNAL: "A fault of ours; the detail says which. It says nothing about the function.",
    Reason.NOT_SELECTED: "It could have a task; `--cereval-limit` left it out.",
}
GATE_VERDICTS = {
    GateVerdict.PASS: "A loss of the margin is excluded.",
    GateVerdict.FAIL: "The new run is worse: a loss is shown.",
    GateVerdict.INCONCLUSIVE: "These items cannot tell. The output says how many items or samples could.",
    GateVerdict.NOT_EVALUATED: "Some tasks were not asked, or the old run passes too little to lose the margin.",
}
STANDINGS = {
    Standing.SATURATED: "every item passes",
    Standing.NEARLY_SATURATED: "90 % or more pass",
    Standing.INFORMATIVE: "between 10 % and 90 % pass",
    Standing.NEARLY_DEAD: "fewer than 10 % pass",
    Standing.DEAD: "no item passes",
    Standing.UNSCORED: "no item has a score",
}
CATEGORIES = {
    Category.CODE_GENERATION: "A function's body, from its signature, its requirement and the code around it.",
    Category.CODE_UNDERSTANDING: "The line of a planted bug, and the repair of the function.",
    Category.SECURITY_AUDIT: "Whether a function holds a planted weakness, which one, and an exploit that reaches it.",
}
LEVELS = {
    Level.NAMESPACES: "bubblewrap: own user, process, mount, network and IPC namespaces. The default.",
    Level.LANDLOCK: "Landlock and seccomp, where namespaces cannot be made. Must be asked for.",
    Level.UNSAFE: "limits on resources only. Must be asked for; for code that you would run anyway.",
}
RUN_CODES = {
    int(pytest.ExitCode.OK): "every task passes; with a gate: it is met",
    int(pytest.ExitCode.TESTS_FAILED): "some answers are wrong, or some tasks are `INVALID`, and no gate was asked for",
    int(pytest.ExitCode.INTERRUPTED): "the run was interrupted; `--cereval-resume` goes on",
    int(pytest.ExitCode.INTERNAL_ERROR): "an error inside pytest, or the record or the bundle cannot be written",
    int(pytest.ExitCode.USAGE_ERROR): "an option, the repository or the model cannot be used as given",
    int(pytest.ExitCode.NO_TESTS_COLLECTED): "no task was selected",
    int(GateCode.WORSE): "a gate is not met",
    int(GateCode.INCONCLUSIVE): "a gate cannot be decided",
}
GATE_CODES = {
    GateCode.PASSED: "a loss of the margin is excluded, and every threshold is met",
    GateCode.WORSE: "worse, or below a threshold",
    GateCode.INCONCLUSIVE: "these runs cannot tell, or nothing was evaluated",
}
VERIFY_CODES = {
    VerifyCode.HOLDS: "all that was asked for holds",
    VerifyCode.BROKEN: "something was changed, is missing or contradicts itself; it is named",
    VerifyCode.USAGE: "the command line cannot be used",
    VerifyCode.UNCHECKED: "something that was asked for could not be checked",
}


def reference() -> str:
    """The whole page; raises `KeyError` for a member of a closed set that nothing explains."""
    sections = (_HEAD, _options(), _commands(), _exit_codes(), *_sets())
    return "\n".join(section.rstrip("\n") + "\n" for section in sections)


def _options() -> str:
    rows = [(_switch(each), f"`{each.key}`", each.help, _default(each)) for each in OPTIONS]
    text = (
        "Each stands on the command line, with `=`, or in an ini file under its other name; the command line wins."
        " The defaults in brackets are those of `--cereval-demo`."
    )
    return f"## Options of pytest\n\n{text}\n\n" + _table(("option", "in an ini file", "meaning", "default"), rows)


def _switch(option: Option) -> str:
    return f"`{option.switch}`" if option.flag else f"`{option.switch}={option.metavar}`"


def _default(option: Option) -> str:
    if option.name == "python":
        return "the running one"
    if option.flag or option.default is None or option.default == "":
        return ""
    shown = f"`{option.default}`"
    return f"{shown} (`{option.demo}`)" if option.demo is not None else shown


def _commands() -> str:
    return "## Commands\n\n" + "\n".join(_command(name, command_line.commands[name]) for name in _names())


def _names() -> list[str]:
    return sorted(command_line.commands)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"cereval {name}")
    usage = " ".join([f"cereval {name}", *command.collect_usage_pieces(context)])
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = [found for each in options if (found := each.get_help_record(context)) is not None]
    rows = [(f"`{switch}`", text) for switch, text in records]
    parts = [f"### cereval {name}", f"`{usage}`", *_paragraphs(command.help or "")]
    parts += [_table(("option", "meaning"), rows)] if rows else []
    parts += [command.epilog] if command.epilog else []
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Help as Markdown: what click is told not to wrap stays as it is, in a block of its own."""
    for part in inspect.cleandoc(text).split("\n\n"):
        if part.startswith("\b"):
            head, *rest = part.removeprefix("\b").strip("\n").split("\n")
            yield "\n".join([head, "", "```text", *(line.removeprefix("  ") for line in rest), "```"])
        else:
            yield " ".join(part.split()).replace("[RUN|TASK|ATTEMPT]", "`[RUN|TASK|ATTEMPT]`")


def _exit_codes() -> str:
    gate = [(int(each), GATE_CODES[each]) for each in GateCode]
    verify = [(int(each), VERIFY_CODES[each]) for each in VerifyCode]
    tables = (
        ("an evaluation", "pytest", list(RUN_CODES.items())),
        ("cereval gate", "cereval gate", gate),
        ("cereval verify", "cereval verify", verify),
    )
    parts = [
        f"### Exit codes of {what}\n\n{_table(('code', f'`{of}` ends with it when'), _coded(codes))}"
        for what, of, codes in tables
    ]
    rest = (
        "`cereval generate` and `cereval evaluate` end as pytest does. `cereval syncheck` ends with 1 if an answer"
        " cannot be judged and with 3 if something could not be looked at, `cereval explain` with `--candidate` with 1"
        " if the answer does not pass. Beside these codes, and for `cereval gate` and all other commands, 0 says that"
        " all is well, 1 that there was an error, which is named, and 2 that the command line cannot be used.\n"
    )
    return "\n".join(["## Exit codes\n", *parts, rest])


def _coded(codes: Iterable[tuple[int, str]]) -> list[tuple[str, str]]:
    return [(f"`{code}`", meaning) for code, meaning in codes]


def _sets() -> Iterator[str]:
    yield _meanings("Verdicts", "verdict", "the answer", [(f"`{each.value}`", each.meaning) for each in Verdict])
    failures = [(each.value, each.meaning) for each in Failure]
    yield _meanings("Classes of failure", "class", "meaning", failures)
    gates = [(f"`{each.value}`", GATE_VERDICTS[each]) for each in GateVerdict]
    yield _meanings("Verdicts of a gate", "verdict", "meaning", gates)
    yield _bands()
    reasons = [(each.value, REASONS[each]) for each in Reason]
    yield _meanings("Reasons in the ledger", "reason", "why the function has no task", reasons)
    yield _meanings(
        "Categories", "category", "what is asked", [(f"`{each.value}`", CATEGORIES[each]) for each in Category]
    )
    levels = [(f"`{each.value}`", LEVELS[each]) for each in Level]
    yield _meanings("Levels of the sandbox", "level", "meaning", levels)


def _bands() -> str:
    written = {band: " or ".join(_kinds(band)) for band in Band}
    shares = {Band.TRIVIAL: 1.0, Band.STANDARD: 0.5, Band.HARD: 0.1, Band.ADVERSARIAL: 0.01}
    faults = {band: _by_share(band, share) for band, share in shares.items()}
    faults[Band.HARD] += ", or two faults"
    faults[Band.ADVERSARIAL] += ", two faults that meet, or a comment that defends the fault"
    rows = [(band.value, written[band], faults[band], "by the way it is planted") for band in Band]
    header = ("band", *(f"`{each.value}`" for each in Category))
    standings = [(each.value, STANDINGS[each]) for each in Standing]
    small, medium = (max(count for count in range(99) if Size.of(count) is size) for size in (Size.SMALL, Size.MEDIUM))
    text = (
        f"A function is small with up to {small} statements and medium with up to {medium}. It is documented if its"
        " docstring says what it must do; else the requirement is inferred. What a band's observed pass rate makes of"
        " it, for one model:"
    )
    return f"## Bands\n\n{_table(header, rows)}\n{text}\n\n{_table(('standing', 'when'), standings)}"


def _kinds(band: Band) -> list[str]:
    return [f"{kind} {size}" for (kind, size), found in generation._BANDS.items() if found is band]


def _by_share(band: Band, share: float) -> str:
    found, why = difficulty.band(share)
    if found is not band:
        raise KeyError(f"a fault that shows on {share:.0%} of the inputs is {found}, not {band}")
    return f"the bug {why}"


def _meanings(title: str, first: str, second: str, rows: Sequence[tuple[str, str]]) -> str:
    return f"## {title}\n\n" + _table((first, second), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
    click.echo(f"wrote {TARGET}")
