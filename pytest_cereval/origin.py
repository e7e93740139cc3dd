"""Turns the parts of a run into its provenance: what it takes to find or build the same again."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_cereval.evaluate import Bench
from pytest_cereval.judge_check import JudgeCheck
from pytest_cereval.models.model import Sampling
from pytest_cereval.options import Settings
from pytest_cereval.results.provenance import code_sha256, machine, versions
from pytest_cereval.tasks.suite import Suite


def provenance(
    settings: Settings,
    suite: Suite,
    bench: Bench,
    *,
    checked: JudgeCheck | None,
    model: dict[str, Any],
    samplings: Sequence[Sampling],
    keys: Sequence[str],
    scored_from: str,
) -> dict[str, Any]:
    """As JSON builtins. `suite` is the part that this run asks, `keys` has a model key for each sample."""
    shard = settings["shard"]
    return {
        "repository": suite.revision.to_dict(),
        "rules_version": suite.rules_version,
        "suite": {"functions": suite.functions, "tasks": len(suite.tasks), **suite.settings},
        "repository_tests": suite.tests,
        "model": model,
        "model_key": keys[0],
        "model_keys": list(keys),
        "sampling": [dataclasses.asdict(each) for each in samplings],
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
        "machine": machine(),
        "versions": versions(),
        "code_sha256": code_sha256(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def left_out(settings: Settings) -> str:
    """What a limit and a shard leave out, in words."""
    limit, shard = settings["limit"], settings["shard"]
    said = [f"--cereval-limit={limit} asks a fixed, stratified choice of the certified tasks"] if limit else []
    said += [f"--cereval-shard={shard[0]}/{shard[1]} asks one part of {shard[1]}"] if shard else []
    return "; ".join(said)
