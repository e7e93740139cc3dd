"""Turns a function into its twin with other names for parameters and locals, which does exactly the same.

A model that knows a function by heart is helped by its names; one that reads is not. Both texts are written by
`ast.unparse`, without comments, so that names are all that differs. Kept are: names that callers pass by keyword,
names that an inner function, class or import gives, and every name that means a global anywhere in the function.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import re
import symtable
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pytest_cereval.probes.definition import definition
from pytest_cereval.source.functions import FunctionNode, without_docstring
from pytest_cereval.source.normal_form import bound_names
from pytest_cereval.source.syntax import parse

_REFLECTION = frozenset({"locals", "vars", "eval", "exec", "dir", "_getframe", "currentframe"})
_RECEIVERS = frozenset({"self", "cls", "mcs"})


@dataclass(frozen=True, slots=True)
class RenamedTwin:
    """`renamed` pairs old names with new ones; `kept` are parameters that callers name and so keep theirs."""

    original: str
    source: str
    renamed: tuple[tuple[str, str], ...]
    kept: tuple[str, ...]


def renamed_twin(source: str, keywords: Collection[str] | None = ()) -> RenamedTwin | None:
    """The twin of the function in a text, given what callers name (`keywords_of_calls`); None keeps all parameters.

    The answer is None where nothing is left to rename, or the function can see its own names. Raises `ValueError` if
    the text is not that of one function.
    """
    node = definition(source)
    original = ast.unparse(node)
    if any(_name(item) in _REFLECTION for item in ast.walk(node)):
        return None
    own, keyword_only = _parameters(node)
    named = set(own) if keywords is None else set(keywords)
    named |= keyword_only | _keywords_inside(node)
    kept = [name for name in own if name in named]
    renamable = _renamable(node, original) - {*kept}
    names = [name for name in _in_order(node) if name in renamable]
    if not names:
        return None
    parameters = {argument.arg for argument in _arguments(node.args)}
    fresh = _fresh(original)
    renamed = {name: next(fresh["arg" if name in parameters else "var"]) for name in names}
    _rename(node, renamed)
    _document(node, {name: renamed[name] for name in names if name in parameters})
    return RenamedTwin(original, ast.unparse(node), tuple(renamed.items()), tuple(kept))


def keywords_of_calls(sources: Iterable[str], names: Collection[str]) -> frozenset[str] | None:
    """The keywords in calls of functions with one of these bare names; None if a call passes a whole dictionary.

    Texts that do not parse are passed over. Calls under other names (`partial`, aliases) are not seen.
    """
    found: set[str] = set()
    for source in sources:
        try:
            calls = [item for item in ast.walk(parse(source)) if isinstance(item, ast.Call)]
        except (SyntaxError, ValueError, RecursionError):
            continue
        for call in calls:
            if _name(call.func) in names:
                if any(keyword.arg is None for keyword in call.keywords):
                    return None
                found |= {keyword.arg for keyword in call.keywords if keyword.arg}
    return frozenset(found)


def _name(item: ast.AST) -> str:
    return item.attr if isinstance(item, ast.Attribute) else item.id if isinstance(item, ast.Name) else ""


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    for group in (arguments.posonlyargs, arguments.args, [arguments.vararg], arguments.kwonlyargs, [arguments.kwarg]):
        yield from (argument for argument in group if argument is not None)


def _parameters(node: FunctionNode) -> tuple[list[str], set[str]]:
    """Those that a caller can name, in order, and those that it must name."""
    keyword_only = [argument.arg for argument in node.args.kwonlyargs]
    return [*(argument.arg for argument in node.args.args), *keyword_only], set(keyword_only)


def _keywords_inside(node: FunctionNode) -> set[str]:
    """Keywords of the function's calls of itself, and of the examples in its docstring."""
    examples = doctest.DocTestParser()
    texts = [ast.unparse(ast.Module([*without_docstring(node)], []))]
    with contextlib.suppress(ValueError):  # examples that are broken name nothing
        texts += [example.source for example in examples.get_examples(ast.get_docstring(node) or "")]
    found = keywords_of_calls(texts, {node.name})
    return {argument.arg for argument in _arguments(node.args)} if found is None else set(found)


def _renamable(node: FunctionNode, text: str) -> set[str]:
    inner = {name for item in ast.walk(node) if item is not node for name in _given_inside(item)}
    root = symtable.symtable(text, "function", "exec")
    scopes = [scope for child in root.get_children() for scope in _scopes(child)]
    elsewhere = {symbol.get_name() for scope in scopes for symbol in scope.get_symbols() if symbol.is_global()}
    names = bound_names(node) - inner - elsewhere - _RECEIVERS - {node.name, "_"}
    return {name for name in names if not name.startswith("__")}


def _given_inside(item: ast.AST) -> Iterator[str]:
    """Names that inner definitions and imports bind; the latter carry the module's own name."""
    if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield item.name
    if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        yield from (argument.arg for argument in _arguments(item.args))
    if isinstance(item, ast.alias):
        yield (item.asname or item.name).partition(".")[0]


def _scopes(scope: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield scope
    for child in scope.get_children():
        yield from _scopes(child)


def _in_order(node: FunctionNode) -> list[str]:
    """All identifiers of the parameters and the body, in order of first appearance."""
    found = dict.fromkeys(argument.arg for argument in _arguments(node.args))
    for statement in node.body:
        for item in ast.walk(statement):
            names = (getattr(item, field, None) for field in ("id", "name", "rest"))
            found |= dict.fromkeys(name for name in names if isinstance(name, str))
    return [*found]


def _fresh(text: str) -> dict[str, Iterator[str]]:
    taken = set(re.findall(r"\w+", text))

    def names(stem: str) -> Iterator[str]:
        return (name for number in range(1, 10_000) if (name := f"{stem}{number}") not in taken)

    return {stem: names(stem) for stem in ("arg", "var")}


def _rename(node: FunctionNode, renamed: dict[str, str]) -> None:
    """In place; defaults, annotations and decorators belong to the scope around the function."""
    for argument in _arguments(node.args):
        argument.arg = renamed.get(argument.arg, argument.arg)
    for statement in node.body:
        for item in ast.walk(statement):
            if isinstance(item, ast.Name):
                item.id = renamed.get(item.id, item.id)
            elif isinstance(item, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and item.name:
                item.name = renamed.get(item.name, item.name)
            elif isinstance(item, ast.MatchMapping) and item.rest:
                item.rest = renamed.get(item.rest, item.rest)
            elif isinstance(item, ast.Nonlocal):
                item.names = [renamed.get(name, name) for name in item.names]


def _document(node: FunctionNode, renamed: dict[str, str]) -> None:
    """Follow the parameters in the docstring where markup makes plain that they are meant."""
    if len(without_docstring(node)) == len(node.body) or not renamed:
        return
    holder = node.body[0].value  # type: ignore[attr-defined]
    names = "|".join(map(re.escape, renamed))
    forms = (
        rf"(?<=[`*])({names})(?=[`*])",
        rf"(?<=:param )({names})(?=:)",
        rf"(?<=:type )({names})(?=:)",
        rf"(?m)(?<=:param )(?P<kind>[\w\[\], |]+ )({names})(?=:)",
        rf"(?m)^(?P<space>[ \t]*)({names})(?=(?: \([^)\n]*\))?[ ]?:)",
    )
    for form in forms:
        holder.value = re.sub(form, lambda found: _replaced(found, renamed), holder.value)


def _replaced(found: re.Match[str], renamed: dict[str, str]) -> str:
    name = found[found.lastindex or 0]
    return found[0][: len(found[0]) - len(name)] + renamed[name]
