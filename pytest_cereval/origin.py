"""Turns the parts of a run into its provenance: what it takes to find or build the same again."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_cereval.evaluate import Bench
from pytest_cereval.judge_check import JudgeCheck
from pytest_cereval.models.model import Sampling
from pytest_cereval.options import Settings
from pytest_cereval.results.apart import NATURAL
from pytest_cereval.results.provenance import code_sha256, machine, versions
from pytest_cereval.tasks.suite import Suite

ALONE, BATCHED = "one by one", "batched"
"""How the answers to one question are decoded. The bits of an answer depend on it, so runs must agree in it."""


def provenance(
    settings: Settings,
    suite: Suite,
    bench: Bench,
    *,
    checked: JudgeCheck | None,
    model: dict[str, Any],
    samplings: Sequence[Sampling],
    together: int,
    keys: Sequence[str],
    scored_from: str,
    reused: Mapping[str, str],
) -> dict[str, Any]:
    """As JSON builtins. `suite` is the part that this run asks, `keys` has a model key for each sample.

    `together` is how many of them are decoded in one batch, 1 where each is decoded alone. `reused` are the commits
    from which certificates were taken over, by function's name.
    """
    shard = settings["shard"]
    return {
        "repository": suite.revision.to_dict(),
        "rules_version": suite.rules_version,
        "suite": {"functions": suite.functions, "tasks": len(suite.tasks), **suite.settings},
        "repository_tests": suite.tests,
        "reused": dict(reused),
        "model": model,
        "model_key": keys[0],
        "model_keys": list(keys),
        "sampling": [dataclasses.asdict(each) for each in samplings],
        "decoding": {"mode": BATCHED if together > 1 else ALONE, "together": together},
        "generated_only": settings["generate-only"],
        "scored_from": scored_from,
        "shard": {"number": shard[0], "count": shard[1]} if shard else {},
        "options": {name: str(value) for name, value in settings.to_dict().items()},
        "sandbox": {
            "level": bench.sandbox.level.value,
            **bench.sandbox.describe(),
            "judge_check": checked.to_dict() if checked else {},
        },
        "interpreter": {"executable": bench.interpreter.executable, "version": bench.interpreter.version},
        "linters": bench.linter.describe() if bench.linter else {"level": "off"},
        NATURAL: _natural(bench),
        "machine": machine(),
        "versions": versions(),
        "code_sha256": code_sha256(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def _natural(bench: Bench) -> dict[str, Any]:
    """What a pattern matcher suspects in the repository as it stands, or why nothing was looked for."""
    if bench.surveyor is None:
        return {"problem": "not looked for: --cereval-lint=off"}
    return bench.surveyor.natural(bench.checkout)


def decoded(together: int) -> str:
    """What to say behind a model's name where answers were decoded in a batch."""
    return f", {BATCHED}: {together} answers to a question decoded together" if together > 1 else ""


def left_out(settings: Settings, tests: Mapping[str, Any]) -> str:
    """What a limit, a shard and the bounds of recording leave out, in words; `tests` are those of a suite."""
    limit, shard = settings["limit"], settings["shard"]
    said = [f"--cereval-limit={limit} asks a fixed, stratified choice of the certified tasks"] if limit else []
    said += [f"--cereval-shard={shard[0]}/{shard[1]} asks one part of {shard[1]}"] if shard else []
    if "seconds" in tests.get("cut", ()):
        said.append(f"{tests['ran']} of the repository's {tests['collected']} tests ran in the time for recording")
    if "size in all" in tests.get("cut", ()):
        said.append("recorded calls were cut off at their size in all")
    return "; ".join(said)
