"""Turns the other blocks of an answer into the statements that the chosen one leans on: helpers shown apart."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence

from pytest_cereval.oracles.additions import bound, defined

_MAX_ROUNDS = 20


def from_other_blocks(chosen: Sequence[ast.stmt], others: Sequence[Sequence[ast.stmt]]) -> list[ast.stmt]:
    """Top-level imports and definitions of other blocks whose names the chosen block uses and does not bind.

    Of several that bind a name the last counts; what they use is looked up the same way. Names of the original file
    are not known here: `additions` keeps the file's own where both have one.
    """
    known: dict[str, ast.stmt] = {}
    for body in others:
        for statement in body:
            names = bound([statement]) if isinstance(statement, ast.Import | ast.ImportFrom) else defined(statement)
            known.update(dict.fromkeys(names, statement))
    taken: dict[int, ast.stmt] = {}
    waiting: list[ast.stmt] = list(chosen)
    settled = bound(chosen) | set(dir(builtins))
    for _ in range(_MAX_ROUNDS):
        wanted = _used(waiting) - settled
        settled |= wanted
        waiting = [known[name] for name in sorted(wanted & known.keys()) if id(known[name]) not in taken]
        if not waiting:
            break
        taken |= {id(statement): statement for statement in waiting}
    order = [statement for body in others for statement in body]
    return [statement for statement in order if id(statement) in taken]


def _used(statements: Sequence[ast.stmt]) -> set[str]:
    nodes = (node for statement in statements for node in ast.walk(statement))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
