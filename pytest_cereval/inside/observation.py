"""Turns what a call did into a tagged, bounded, address-free JSON tree.

Runs inside sandboxes, beside code that may be hostile, so it is a convenience and never a boundary: the judge compares
trees and trusts nothing else. Standard library only.

A tree is a JSON value. `null`, booleans, strings and integers below 2**53 stand for themselves; everything else is a
list whose first item is a tag: `i` big integer, `f` float (hex), `c` complex, `b` bytes, `s` long text, `l` list,
`t` tuple, `S` set, `F` frozenset, `d` dict as pairs, `r` reference to an importable object, `m` bound method,
`g` exhausted generator, `a` exhausted asynchronous one, `w` awaited coroutine (see `driving`; a generator's last item
may be how it ended: `=` returned value, `e` exception), `o` object (class, contents, state), `^` the n-th enclosing
object, `?` opaque, `…` cut.
"""

from __future__ import annotations

import base64
import copyreg
import functools
import hashlib
import json
import re
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .view import EVERYTHING, View

Tree = Any
MAX_NODES = 4000
MAX_DEPTH = 50
MAX_TEXT = 16_384
MAX_ITEMS = 1000
_HEAP_TYPE = 1 << 9
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-fA-F]{6,}")
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()), types.MappingProxyType)
_JSON = json.JSONEncoder(separators=(",", ":"), sort_keys=True, check_circular=False)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)
_Path = Any  # a linked list of enclosing values, innermost first: (value, rest) or None


class Encoder:
    """Encodes values breadth first, so that a cut falls on what lies deepest.

    `opaque` and `cut` say afterwards whether something could not be shown. Never raises because of a value.
    """

    def __init__(self, max_nodes: int = MAX_NODES, view: View = EVERYTHING) -> None:
        self._left = max_nodes
        self._view = view
        self.opaque = False
        self.cut = False
        self._queue: deque[tuple[list[Tree], int, Any, _Path]] = deque()
        self._path: _Path = None
        self._unsorted: list[list[Tree]] = []

    def encode(self, value: Any, path: _Path = None) -> Tree:
        """The tree of `value`, which lies inside the values of `path`."""
        if self._left < 1:
            self.cut = True
            return ["…"]
        root: list[Tree] = []
        self._path = path
        self._later(root, value)
        queue = self._queue
        while queue:
            holder, index, item, self._path = queue.popleft()
            holder[index] = self._node(item)
        for members in reversed(self._unsorted):
            members[1:] = sorted(members[1:], key=canonical)
        return root[0]

    def _node(self, value: Any) -> Tree:
        up, link = 1, self._path
        while link is not None:
            if link[0] is value:
                return ["^", up]
            up, link = up + 1, link[1]
        if up > MAX_DEPTH:
            self.cut = True
            return ["…"]
        self._path = (value, self._path)
        try:
            container = _CONTAINERS.get(type(value))
            return container(self, value) if container else self._other(value, type(value))
        except Exception:  # noqa: BLE001 - an object may raise anything while it is looked at
            self.opaque = True
            return ["?", _class_name(type(value))]

    def _later(self, holder: list[Tree], value: Any) -> None:
        """Append the tree of a scalar, or a place for another value, to be filled when its turn comes."""
        self._left -= 1
        scalar = _SCALARS.get(type(value))
        if scalar is not None:
            holder.append(scalar(value))
        else:
            self._queue.append((holder, len(holder), value, self._path))
            holder.append(None)

    def _items(self, tag: str, values: Iterable[Any]) -> list[Tree]:
        """`_later` for each of a few values, written out: most of the time of an observation goes by here."""
        node: list[Tree] = [tag]
        left, scalars, most = self._left, _SCALARS, MAX_ITEMS
        for item in values:
            if left < 1 or len(node) > most:
                self.cut = True
                node.append(["…"])
                break
            left -= 1
            scalar = scalars.get(type(item))
            if scalar is not None:
                node.append(scalar(item))
            else:
                self._queue.append((node, len(node), item, self._path))
                node.append(None)
        self._left = left
        return node

    def _set(self, tag: str, values: Iterable[Any]) -> Tree:
        node = self._items(tag, values)
        self._unsorted.append(node)
        return node

    def _dict(self, value: dict[Any, Any]) -> Tree:
        node: list[Tree] = ["d"]
        left, scalars, most, path, wait = self._left, _SCALARS, MAX_ITEMS, self._path, self._queue.append
        for key, item in dict.items(value):
            if left < 2 or len(node) > most:
                self.cut = True
                node.append([["…"], ["…"]])
                break
            left -= 2
            of_key, of_item = scalars.get(type(key)), scalars.get(type(item))
            pair: list[Tree] = [of_key and of_key(key), of_item and of_item(item)]
            node.append(pair)
            if of_key is None:
                wait((pair, 0, key, path))
            if of_item is None:
                wait((pair, 1, item, path))
        self._left = left
        return node

    def _other(self, value: Any, kind: type) -> Tree:
        if issubclass(kind, type):
            return ["r", _class_name(value)]
        if kind in _FUNCTIONS:
            return self._function(value)
        if kind is types.MethodType:
            return self._items("m", (value.__func__, value.__self__))
        if kind is types.ModuleType:
            return ["r", value.__name__]
        if kind is types.GeneratorType:
            return self._generator(value)
        if kind in _VIEWS:
            shown = self._dict(dict(value)) if kind is types.MappingProxyType else self._items("l", value)
            return ["o", _class_name(kind), shown, None]
        return self._object(value, kind)

    def _generator(self, value: Any) -> Tree:
        """The items as each was when it came, since the next one may change it; then how it ended, if not plainly."""
        node: list[Tree] = ["g"]
        try:
            while self._left >= 1 and len(node) <= MAX_ITEMS:
                node.append(self._now(next(value)))
        except StopIteration as end:
            return node if end.value is None else [*node, ["=", self._now(end.value)]]
        except Exception as error:  # noqa: BLE001 - it is what the generator does
            return [*node, self.ended_by(error)]
        self.cut = True
        return [*node, ["…"]]

    def _now(self, value: Any) -> Tree:
        """The tree of a value as it is at this moment, out of what is left for all."""
        inner = Encoder(self._left, self._view)
        tree = inner.encode(value, self._path)
        self._left = inner._left
        self.opaque |= inner.opaque
        self.cut |= inner.cut
        return tree

    def ended_by(self, error: BaseException) -> Tree:
        """The end of a generator that raised, by class alone, as equality compares exceptions."""
        return ["e", _class_name(type(error))]

    def _function(self, value: Any) -> Tree:
        name = f"{value.__module__}:{value.__qualname__}"
        if "<" in name:
            self.opaque = True
            return ["?", "function"]
        return ["r", name]

    def _object(self, value: Any, kind: type) -> Tree:
        whole = _state(value, kind)
        state = self._view.seen(kind, whole)
        content = self._content(value, kind)
        if content is None and not whole and not self._view.leaves_out(kind):
            return ["o", _class_name(kind), self._reduced(value, kind), None]
        return ["o", _class_name(kind), content, self._dict(state) if state else None]

    def _content(self, value: Any, kind: type) -> Tree:
        """What a subclass of a builtin holds as that builtin, read past any override; None for other classes."""
        reader = _reader_of(kind)
        return reader(self, value) if reader is not None else None

    def _reduced(self, value: Any, kind: type) -> Tree:
        """What pickle would keep of an object without Python-level state, such as a date or a compiled pattern."""
        if kind is object:
            return None
        reducer = copyreg.dispatch_table.get(kind)
        reduced = reducer(value) if reducer else value.__reduce_ex__(4)
        if isinstance(reduced, str):
            return ["r", reduced]
        parts = [list(part) if index > 2 and part is not None else part for index, part in enumerate(reduced[:5])]
        return self._items("l", parts)


def exception_arguments(error: BaseException) -> Any:
    """The `args` of an exception, read past any override."""
    descriptor: Any = vars(BaseException)["args"]
    return descriptor.__get__(error)


def canonical(tree: Tree) -> str:
    """The one text form of a tree, used for ordering and digests."""
    return _JSON.encode(tree)


def digest(tree: Tree) -> str:
    """SHA-256 of a tree's canonical form, as hex."""
    return digest_of_text(canonical(tree))


def digest_of_text(text: str) -> str:
    """The digest of the tree with this canonical form."""
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: str) -> Tree:
    plain = _ADDRESS.sub("0x", value) if " at 0x" in value else value
    if len(plain) <= MAX_TEXT:
        return plain
    return ["s", plain[:200], len(plain), hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()]


def _integer(value: int) -> Tree:
    if -(1 << 53) < value < (1 << 53):
        return value
    bits = value.bit_length()
    return ["i", hex(value)] if bits <= 16_384 else ["i", f"{bits} bits", hex(value % ((1 << 127) - 1))]


def _bytes(value: bytes | bytearray) -> Tree:
    tag = "b" if type(value) is bytes else "B"
    if len(value) <= MAX_TEXT:
        return [tag, base64.b64encode(value).decode()]
    return [tag, len(value), hashlib.sha256(value).hexdigest()]


def _class_name(kind: Any) -> str:
    module = type.__getattribute__(kind, "__module__") if isinstance(kind, type) else "?"
    return f"{module}:{type.__getattribute__(kind, '__qualname__')}" if isinstance(kind, type) else "?"


def _state(value: Any, kind: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for slot, descriptor in _slots_of(kind):
        try:
            found[slot] = descriptor.__get__(value, kind)
        except AttributeError:
            continue
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return found
    return found | attributes if type(attributes) is dict else found


@functools.cache
def _slots_of(kind: type) -> tuple[tuple[str, types.MemberDescriptorType], ...]:
    """The attributes that objects of a class have in slots of its own or of its bases."""
    found: list[tuple[str, types.MemberDescriptorType]] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ()) if base.__flags__ & _HEAP_TYPE else ()
        for slot in (slots,) if isinstance(slots, str) else slots:
            descriptor = base.__dict__.get(slot)
            if slot not in ("__dict__", "__weakref__") and isinstance(descriptor, types.MemberDescriptorType):
                found.append((slot, descriptor))
    return tuple(found)


@functools.cache
def _reader_of(kind: type) -> Callable[[Encoder, Any], Tree] | None:
    """How to read what a subclass of a builtin holds as that builtin; None for other classes."""
    solid: type = next((base for base in kind.__mro__ if not base.__flags__ & _HEAP_TYPE), object)
    for base in _CONTAINERS:
        if issubclass(solid, base):
            return _CONTAINERS[base]
    for plain_base, plain in _PLAIN_BASES:
        if issubclass(solid, plain_base):
            return lambda encoder, value: ["l", _SCALARS[plain_base](plain(value))]
    if issubclass(solid, BaseException):
        return lambda encoder, value: encoder._items("t", exception_arguments(value))
    return None


_SCALARS: dict[type, Callable[[Any], Tree]] = {
    type(None): lambda value: None,
    bool: lambda value: value,
    int: _integer,
    str: _text,
    float: lambda value: ["f", value.hex()],
    complex: lambda value: ["c", value.real.hex(), value.imag.hex()],
    bytes: _bytes,
    bytearray: _bytes,
    type(Ellipsis): lambda value: ["r", "builtins:Ellipsis"],
    type(NotImplemented): lambda value: ["r", "builtins:NotImplemented"],
}
_CONTAINERS: dict[type, Callable[[Encoder, Any], Tree]] = {
    list: lambda encoder, value: encoder._items("l", list.__iter__(value)),
    tuple: lambda encoder, value: encoder._items("t", tuple.__iter__(value)),
    set: lambda encoder, value: encoder._set("S", set.__iter__(value)),
    frozenset: lambda encoder, value: encoder._set("F", frozenset.__iter__(value)),
    dict: Encoder._dict,
}
_PLAIN_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes.__bytes__ if sys.version_info >= (3, 11) else bytes),
)
