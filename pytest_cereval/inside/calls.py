"""Turns a recorded call into its observation: rebuilds the arguments, calls the function, looks at what happened.

Runs inside sandboxes only. Standard library only.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from . import edits
from .driving import driven
from .isolation import State
from .observation import Encoder, Tree, exception_arguments
from .opening import opened
from .printing import printed
from .view import EVERYTHING, View

Function = types.FunctionType
ARGUMENT_NODES = 400
"""How much of each argument is looked at before and after a call, nearest first; results get more."""


CLASS_STATE = "vars()"
_CLASS_RECEIVERS = (["cls"], ["mcs"], ["self"])
_DATA = (type(None), bool, int, float, str, bytes, tuple, frozenset, list, dict, set)
_states: list[State] = []


class Unreachable(Exception):
    """The function cannot be found in the imported module."""


def find_function(module_name: str, file: str, qualname: str, line: int) -> Function:
    """The function object whose code starts at `line` of `file`; decorators and accessors are looked through.

    Raises whatever importing raises, and `Unreachable` if no object holds such a function.
    """
    module = importlib.import_module(module_name)
    owner: Any = module
    *parents, name = qualname.split(".")
    for parent in parents:
        owner = getattr(owner, parent, None)
    space = vars(owner) if owner is not None and hasattr(owner, "__dict__") else {}
    mangled = f"_{parents[-1].lstrip('_')}{name}" if parents else name
    for candidate in itertools.chain(_behind(space.get(name, space.get(mangled))), _everywhere()):
        code = candidate.__code__
        if code.co_firstlineno == line and code.co_name == name and code.co_filename == file:
            _states[:] = [State(module_name)]
            return candidate
    raise Unreachable(f"no function {qualname} that starts at line {line}")


def _behind(start: Any) -> Iterator[Function]:
    """Functions reachable from an attribute through wrappers, accessors and closures, nearest first."""
    seen: set[int] = set()
    queue = [start]
    while queue and len(seen) < 200:
        item = queue.pop(0)
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Function):
            yield item
            queue += [cell.cell_contents for cell in item.__closure__ or () if _filled(cell)]
        for attribute in ("__func__", "fget", "fset", "fdel", "__wrapped__", "func"):
            try:
                queue.append(getattr(item, attribute, None))
            except Exception:  # noqa: BLE001, S112 - a wrapper may raise anything when it is looked at
                continue


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _everywhere() -> Iterator[Function]:
    """All functions alive: the slow last resort, for those that a decorator has put out of sight."""
    yield from (item for item in gc.get_objects() if type(item) is Function)


def rebuild(entry: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an input as `{"names", "positional", "star", "keyword", "double_star"}`.

    An entry holds a pickled call (`call`), as bytes or in base64, and perhaps how its receiver is to be used
    (`borrow`). An edited one holds the entry that is its `base`, the `edit` (see `edits`), and the entry of its `donor`
    or null. May raise anything: unpickling runs code. The state of the function's package is first put back to what it
    was when the function was found, so that no call depends on those before it.
    """
    for state in _states:
        state.restore()
    return _rebuilt(entry)


def with_pickles(entry: dict[str, Any], made: Callable[[Any], Any]) -> dict[str, Any]:
    """The same entry with something made of each of its pickles in its place."""
    if "edit" in entry:
        donor = entry["donor"]
        return entry | {"base": with_pickles(entry["base"], made), "donor": donor and with_pickles(donor, made)}
    new = entry | {"call": made(entry["call"])}
    borrow = entry.get("borrow", {})
    if borrow.get("value_of") is not None:
        new["borrow"] = borrow | {"value_of": made(borrow["value_of"])}
    return new


def _rebuilt(entry: dict[str, Any]) -> dict[str, Any]:
    if "edit" in entry:
        call = _rebuilt(entry["base"])
        edits.apply(call, entry["edit"], _rebuilt(entry["donor"]) if entry["donor"] else None)
        return call
    call = opened(entry["call"])
    return _borrowed(call, entry["borrow"]) if "borrow" in entry else call


def _borrowed(call: dict[str, Any], borrow: dict[str, Any]) -> dict[str, Any]:
    """A call of one method with the receiver of another's call.

    `names` are its parameters. A property's setter also gets the value that the property `attribute` has in the call
    `value_of`.
    """
    values = [call["positional"][0]]
    if borrow.get("value_of"):
        values.append(getattr(opened(borrow["value_of"])["positional"][0], borrow["attribute"]))
    return {"names": borrow["names"], "positional": values, "star": (), "keyword": {}, "double_star": {}}


def describe(call: dict[str, Any], view: View = EVERYTHING) -> tuple[Tree, bool]:
    """The tree of a call's arguments by parameter name, and whether all of it could be shown."""
    pairs: list[Tree] = []
    shown = True
    for name, value in _by_name(call).items():
        encoder = Encoder(ARGUMENT_NODES, view)
        pairs.append([name, encoder.encode(value)])
        shown &= not (encoder.opaque or encoder.cut)
    return ["d", *pairs, *_class_state(call, view)], shown


def _class_state(call: dict[str, Any], view: View) -> list[Tree]:
    """Where the receiver is a class: the data that it holds, as one more argument."""
    receiver = call["positional"][0] if call["positional"] and call["names"][:1] in _CLASS_RECEIVERS else None
    if not isinstance(receiver, type):
        return []
    everything = {name: value for base in reversed(receiver.__mro__) for name, value in vars(base).items()}
    held = {name: value for name, value in everything.items() if type(value) in _DATA and not name.endswith("__")}
    counts = view.seen(receiver, held)
    return [[CLASS_STATE, Encoder(ARGUMENT_NODES, view).encode(counts)]] if counts else []


def observe(function: Callable[..., Any], call: dict[str, Any], view: View = EVERYTHING) -> dict[str, Any]:
    """Call and report: `kind` returned or raised, `value`, the arguments `after`, what was `printed`, and whether
    `value` is `whole`.
    """
    result = Encoder(view=view)
    with printed() as tape:
        try:
            returned = function(*call["positional"], *call["star"], **call["keyword"], **call["double_star"])
            kind, value = "returned", driven(returned, result)
        except BaseException as error:  # noqa: BLE001 - SystemExit and the like are observations, too
            kind, value = "raised", _exception(result, error)
    after, _ = describe(call, view)
    whole = not (result.opaque or result.cut)
    return {"kind": kind, "value": value, "after": after, "printed": Encoder().encode(tape.text), "whole": whole}


def _exception(encoder: Encoder, error: BaseException) -> Tree:
    message = Encoder(200).encode(exception_arguments(error))
    return ["e", _name_of(type(error)), message]


def _name_of(kind: type) -> str:
    """`module:qualname` of a class, with a `!` behind it unless the class that lies there is this one.

    So a class that gives itself another's name is not that other one. Classes made inside functions get the mark, too.
    """
    module, name = (type.__getattribute__(kind, key) for key in ("__module__", "__qualname__"))
    if type(module) is not str or type(name) is not str:
        return "?:!"
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return f"{module}:{name}" + ("" if found is kind else "!")


def _by_name(call: dict[str, Any]) -> dict[str, Any]:
    shown = dict(zip(call["names"], call["positional"], strict=False))
    if call["star"]:
        shown["*"] = call["star"]
    shown.update(call["keyword"])
    if call["double_star"]:
        shown["**"] = call["double_star"]
    return shown
