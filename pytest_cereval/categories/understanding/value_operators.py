"""Faults in values, as data: constants, variables, arguments, defaults, arithmetic, keys and copies."""

from __future__ import annotations

import ast

from pytest_cereval.categories.understanding import values
from pytest_cereval.categories.understanding.operator import Operator

_CONSTANT = (ast.Constant,)
_CALL = (ast.Call,)
_LOOP = (ast.For, ast.comprehension)
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef)

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "off by one",
        "A place, bound or step is off by one.",
        "a whole number in an index, slice, range, sum or comparison",
        _CONSTANT,
        values.off_by_one,
        "counted this way because of the item in front",
    ),
    Operator(
        "dropped step",
        "The step by a fixed number is missing, which leaves the result off.",
        "a sum or difference with a whole number",
        (ast.BinOp,),
        values.dropped_step,
        "already counted by the caller",
    ),
    Operator(
        "wrong constant",
        "A constant has the wrong value.",
        "a truth value, number or text",
        _CONSTANT,
        values.wrong_constant,
        "this value is what the other side sends",
    ),
    Operator(
        "wrong empty result",
        "The empty result is of the wrong kind.",
        "a return of None or of an empty container",
        (ast.Return,),
        values.emptied,
        "callers test it for truth only",
    ),
    Operator(
        "wrong variable",
        "Another variable of the same scope is used than the one that is meant.",
        "a name with others bound alike: parameters, or targets of one unpacking",
        (ast.Name,),
        values.wrong_variable,
        "the two are interchangeable at this point",
    ),
    Operator(
        "wrong attribute",
        "Another attribute of the object is used than the one that is meant.",
        "an attribute of self with others in the function",
        (ast.Attribute,),
        values.wrong_attribute,
        "both hold the same at this point",
    ),
    Operator(
        "swapped arguments",
        "Two arguments of a call have changed places.",
        "a call with two positional arguments",
        _CALL,
        values.swapped_arguments,
        "in the order in which the callee names them",
    ),
    Operator(
        "swapped values",
        "The two values have changed places.",
        "a pair",
        (ast.Tuple,),
        values.swapped_values,
        "in the order in which they are unpacked",
    ),
    Operator(
        "swapped operands",
        "The operands have changed places.",
        "an operation whose order counts",
        (ast.BinOp,),
        values.swapped_operands,
        "the order does not matter for these operands",
    ),
    Operator(
        "wrong operator",
        "The wrong arithmetic or set operator is used.",
        "an arithmetic or bitwise operation",
        (ast.BinOp,),
        values.wrong_arithmetic,
        "the inverse, since the sign is turned already",
    ),
    Operator(
        "overwritten",
        "The value so far is overwritten instead of added to.",
        "an augmented assignment",
        (ast.AugAssign,),
        values.overwritten,
        "starts afresh each time",
    ),
    Operator(
        "wrong function",
        "A function is called whose name is close to that of the right one.",
        "a call with a well-known counterpart, such as any/all",
        _CALL,
        values.sister_function,
        "this variant is the stricter one",
    ),
    Operator(
        "wrong collection",
        "The wrong one of keys and values is gone through.",
        "a call of keys or values",
        _CALL,
        values.wrong_collection,
        "the other side of the mapping is not needed",
    ),
    Operator(
        "first item left out",
        "The first item is never looked at.",
        "a loop or comprehension",
        _LOOP,
        values.without_first,
        "the first item is the head and has been dealt with",
    ),
    Operator(
        "shared instead of copied",
        "The argument itself is used where a copy of it is meant.",
        "a call that copies, or a whole slice",
        (ast.Call, ast.Subscript),
        values.shared,
        "nobody else holds this object, so no copy is made",
    ),
    Operator(
        "missing conversion",
        "A value is used as it comes where it must be converted first.",
        "a conversion such as str or sorted",
        _CALL,
        values.unconverted,
        "comes in the right type already",
    ),
    Operator(
        "wrong default",
        "A parameter has the wrong default.",
        "a parameter whose default is a constant",
        _DEFINITION,
        values.wrong_default,
        "the default agrees with the command line's",
    ),
    Operator(
        "missing key",
        "A missing key is taken for None, or raises where a default is meant.",
        "an item of a mapping, or get and pop",
        (ast.Call, ast.Subscript),
        values.missing_key,
        "a missing key needs no special care here",
    ),
    Operator(
        "falsy key",
        "A key whose value is empty or false is taken for a missing one.",
        "a test of membership",
        (ast.Compare,),
        values.falsy_key,
        "one lookup instead of two",
    ),
)
