"""Turns the text of a variant into a code object that fits in a function's place. Standard library only."""

from __future__ import annotations

import types
from typing import Any


def compiled_function(source: str, qualname: str) -> types.CodeType:
    """The code object of the function `qualname` inside compiled, never executed, source text.

    Raises `SyntaxError`, or `ValueError` when there is no such function.
    """
    code = compile(source, "<variant>", "exec", dont_inherit=True)
    for name in qualname.split("."):
        inner = [const for const in code.co_consts if isinstance(const, types.CodeType) and const.co_name == name]
        if not inner:
            raise ValueError(f"no {name} in the variant")
        code = inner[-1]
    return code


def check_fits(function: types.FunctionType, code: types.CodeType) -> None:
    """Raise `ValueError` when the code needs other free variables than the function has."""
    if code.co_freevars != function.__code__.co_freevars:
        raise ValueError(f"free variables {code.co_freevars} instead of {function.__code__.co_freevars}")


def set_defaults(function: types.FunctionType, changed: dict[str, Any]) -> None:
    """Give parameters that have a default another one."""
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    values = list(function.__defaults__ or ())
    first = len(positional) - len(values)
    for name, value in changed.items():
        if name in positional:
            values[positional.index(name) - first] = value
        else:
            function.__kwdefaults__ = {**(function.__kwdefaults__ or {}), name: value}
    function.__defaults__ = tuple(values) or None


def same_code(left: types.CodeType, right: types.CodeType) -> bool:
    """Whether two code objects are the same instructions on the same names and constants, at whatever lines."""
    shape = ("co_code", "co_names", "co_varnames", "co_exceptiontable")
    if any(getattr(left, name) != getattr(right, name) for name in shape):
        return False
    if len(left.co_consts) != len(right.co_consts):
        return False
    return all(_same_constant(a, b) for a, b in zip(left.co_consts, right.co_consts, strict=True))


def _same_constant(left: object, right: object) -> bool:
    if isinstance(left, types.CodeType) and isinstance(right, types.CodeType):
        return same_code(left, right)
    return type(left) is type(right) and repr(left) == repr(right)
