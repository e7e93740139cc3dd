"""Faults in conditions, as data: boundaries, negations, guards, and emptiness taken for absence."""

from __future__ import annotations

import ast

from pytest_cereval.categories.understanding import conditions
from pytest_cereval.categories.understanding.operator import Operator

_TESTED = (ast.If, ast.While, ast.IfExp, ast.comprehension)
_CALL = (ast.Call,)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "boundary",
        "The comparison treats the boundary value itself the wrong way.",
        "an ordering comparison",
        (ast.Compare,),
        conditions.boundary,
        "the limit itself is dealt with here as well",
    ),
    Operator(
        "reversed comparison",
        "The comparison points in the wrong direction.",
        "an ordering comparison",
        (ast.Compare,),
        conditions.reversed_comparison,
        "compared in this direction, since the operands come in reverse",
    ),
    Operator(
        "negated condition",
        "The condition is the wrong way round: its branch runs exactly when it must not.",
        "the test of an if, while, conditional expression or comprehension",
        _TESTED,
        conditions.negated,
        "the special case comes first, everything else falls through",
    ),
    Operator(
        "negated part",
        "One truth value is the opposite of what it must be.",
        "a comparison or a not that is no test as a whole",
        (ast.Compare, ast.UnaryOp),
        conditions.negated_part,
        "callers expect the complement here",
    ),
    Operator(
        "dropped condition",
        "One of the conditions that belong together is missing.",
        "an operand of and/or",
        (ast.BoolOp,),
        conditions.dropped_operand,
        "this one check is enough, the other follows from it",
    ),
    Operator(
        "dropped filter",
        "The filter of the comprehension is missing, so that it takes in too much.",
        "a comprehension with an if",
        (ast.comprehension,),
        conditions.dropped_filter,
        "no filter needed: callers pass clean items",
    ),
    Operator(
        "and/or swapped",
        "The conditions are joined by the wrong one of and/or.",
        "and/or",
        (ast.BoolOp,),
        conditions.swapped_connective,
        "joined this way on purpose, see the cases in the tests",
    ),
    Operator(
        "emptiness for absence",
        "An empty or zero value is treated as if there were none, or none as if it were that value.",
        "a comparison with None or an empty value",
        (ast.Compare,),
        conditions.empty_for_none,
        "empty and absent mean the same here",
    ),
    Operator(
        "absence for emptiness",
        "Only None is looked for where any empty value counts.",
        "a test of a bare name, attribute or item",
        _TESTED,
        conditions.none_for_empty,
        "only None counts as missing",
    ),
    Operator(
        "empty value coerced",
        "A value that is empty, zero or false comes out as None.",
        "a value that is returned or assigned",
        (ast.Return, ast.Assign),
        conditions.coerced,
        "normalised, so that nobody has to tell empty from missing",
    ),
    Operator(
        "missing fallback",
        "The fallback for an empty or missing value is left out.",
        "a or b where a value is wanted",
        (ast.BoolOp,),
        conditions.missing_fallback,
        "always set at this point",
    ),
    Operator(
        "missing guard",
        "The guard that deals with a special case first is missing.",
        "an if without else that leaves, or does one thing",
        (ast.If,),
        conditions.missing_guard,
        "no special cases: the general way below covers them all",
    ),
    Operator(
        "missing choice",
        "One of two alternatives is always taken.",
        "a conditional expression",
        (ast.IfExp,),
        conditions.missing_choice,
        "the other case cannot get here",
    ),
    Operator(
        "narrowed types",
        "One of the types that must be accepted is left out.",
        "isinstance or issubclass with several types",
        _CALL,
        conditions.narrowed_types,
        "the other types are subclasses of this one",
    ),
)
