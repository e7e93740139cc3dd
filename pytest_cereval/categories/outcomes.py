"""Turns a candidate and calls of it into what each call did, as plain data, without any verdict.

The candidate runs in a worker as answers do (see `oracles.recorded`). What comes back is checked as there, and decoded
into builtins only.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pytest_cereval.inside.equality import EXACT
from pytest_cereval.inside.plain import decode
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.conversation import Conversation, JudgeLimits
from pytest_cereval.oracles.render import render_observation
from pytest_cereval.oracles.replies import safe
from pytest_cereval.oracles.workers import Workers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.forked import ParentLostError
from pytest_cereval.source.functions import SourceFunction


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call did.

    `raised` is the name of the exception's class, such as `ValueError`, and empty where the call returned; a class that
    only bears the name of a builtin one has its module before it. `returned` is the value where it is plain builtin
    data, which `plain` says; else it is None. `shown` is the outcome as text.
    """

    raised: str
    returned: Any
    plain: bool
    shown: str


@dataclass(frozen=True, slots=True)
class Ran:
    """One outcome for each call, or what ended the worker before that: `stopped`, with `error`."""

    outcomes: tuple[Outcome, ...]
    stopped: Verdict | None = None
    error: str = ""


def run_calls(
    workers: Workers,
    world: Setting,
    function: SourceFunction,
    candidate: Candidate,
    entries: Sequence[dict[str, Any]],
    *,
    hash_seed: int,
) -> Ran:
    """Ask a worker the calls, in order; raises `SandboxError` where none can be started.

    As for all answers, to be slow once on a busy machine or to lose the warm interpreter is no doing of a candidate's.
    """
    again = partial(_ran, workers, world, function, candidate, entries, hash_seed)
    try:
        ran = again()
    except ParentLostError:
        ran = again()
    return again() if ran.stopped is Verdict.FAIL_TIMEOUT else ran


def _ran(
    workers: Workers,
    world: Setting,
    function: SourceFunction,
    candidate: Candidate,
    entries: Sequence[dict[str, Any]],
    hash_seed: int,
) -> Ran:
    limits = JudgeLimits()
    request = {"line": candidate.line, "path": world.paths(), "site": list(world.interpreter.site)}
    found: list[Outcome] = []
    with workers.start(function.path, candidate.source, hash_seed=hash_seed, limits=limits.sandbox) as process:
        talk = Conversation(process, limits, EXACT)
        if talk.load(world.target(function) | request):
            for entry in entries:
                reply = talk.ask(entry)
                if reply is None:
                    break
                if reply.observation is None:
                    return Ran(tuple(found), Verdict.FAIL_UNREPRESENTABLE, reply.note or reply.kind)
                outcome = _outcome(reply.observation)
                if outcome is None:
                    return Ran(tuple(found), Verdict.FAIL_PROTOCOL, "a value that no honest worker sends")
                found.append(outcome)
            talk.finish()
        process.finish()
    return Ran(tuple(found), talk.run.stopped, talk.run.error)


def _outcome(observation: dict[str, Any]) -> Outcome | None:
    """None for a tree that no encoder makes: it comes from the candidate and may have any shape."""
    tree = observation["value"]
    try:
        shown = safe(render_observation(observation))
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError):
        return None
    if observation["kind"] == "raised":
        return Outcome(_class(str(tree[1])), None, False, shown)
    try:
        return Outcome("", decode(tree), True, shown)
    except (ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
        return Outcome("", None, False, shown)


def _class(told: str) -> str:
    """A class by its own name; one beside the function that bears the name of a builtin exception, in full."""
    module, _, name = told.rpartition(":")
    bare = name.rpartition(".")[2]
    return safe(bare if module == "builtins" or not hasattr(builtins, bare) else f"{module}.{name}")[:80]
