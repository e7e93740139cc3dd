"""Faults in the flow of control, as data: returns, loops, exceptions, calls and updates that are forgotten."""

from __future__ import annotations

import ast

from pytest_cereval.categories.understanding import flow
from pytest_cereval.categories.understanding.operator import Operator

_CALL = (ast.Call,)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "early return",
        "The function returns from within the loop, after its first round.",
        "a return right behind a loop",
        (ast.Return,),
        flow.early_return,
        "one round settles it",
    ),
    Operator(
        "missing return",
        "A result is not returned.",
        "a return of a call, or among other statements",
        (ast.Return,),
        flow.missing_return,
        "called for its effect",
    ),
    Operator(
        "wrong jump",
        "The loop is left where it must go on, or goes on where it must be left.",
        "break and continue",
        (ast.Continue, ast.Break),
        flow.wrong_jump,
        "nothing behind this item can matter",
    ),
    Operator(
        "wrong exception",
        "An exception of the wrong type is raised.",
        "a raise that names a class",
        (ast.Raise,),
        flow.wrong_exception,
        "this type is what the caller catches",
    ),
    Operator(
        "missing raise",
        "Bad input is let through where an exception is meant.",
        "a raise",
        (ast.Raise,),
        flow.missing_raise,
        "lenient on purpose: bad input is ignored",
    ),
    Operator(
        "caught too much",
        "Exceptions are swallowed that should reach the caller.",
        "an except clause",
        (ast.ExceptHandler,),
        flow.caught_too_much,
        "whatever goes wrong there means the same",
    ),
    Operator(
        "caught another",
        "The exception that can occur is not the one that is caught.",
        "an except clause",
        (ast.ExceptHandler,),
        flow.caught_another,
        "the only one that can get here",
    ),
    Operator(
        "missing statement",
        "A call that does part of the work is missing.",
        "a call as a statement",
        (ast.Expr,),
        flow.missing_statement,
        "nothing else to prepare",
    ),
    Operator(
        "missing update",
        "State that must be changed is left as it was.",
        "an assignment to an attribute or item",
        (ast.Assign, ast.AugAssign, ast.Delete),
        flow.missing_update,
        "the state is brought up to date by the caller",
    ),
    Operator(
        "missing call",
        "A call that prepares a value is left out.",
        "a method without arguments, such as strip",
        _CALL,
        flow.missing_call,
        "comes in this form already",
    ),
    Operator(
        "missing await",
        "The awaitable is used where its result is meant.",
        "an await",
        (ast.Await,),
        flow.missing_await,
        "awaited by whoever needs the result",
    ),
)
