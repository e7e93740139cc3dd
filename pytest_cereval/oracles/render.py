"""Turns observation trees into text that reads like Python, bounded and safe to print."""

from __future__ import annotations

import base64
from typing import Any

ELLIPSIS = "…"
_OPEN = {
    "l": ("[", "]"),
    "t": ("(", ")"),
    "S": ("{", "}"),
    "F": ("frozenset({", "})"),
    "g": ("iter([", "])"),
    "a": ("aiter([", "])"),
    "w": ("awaitable(", ")"),
}


def render(tree: Any, *, limit: int = 400) -> str:
    """The tree as text of at most `limit` characters; what is left out is marked by an ellipsis."""
    text = _render(tree, 0)
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def render_call(name: str, arguments: Any, *, limit: int = 600) -> str:
    """A call with its arguments by name, such as `f(a=1, b=[2])`; `self` and `cls` come first and unnamed."""
    parts = []
    for key, value in _pairs(arguments):
        if key == "*":
            parts += [_render(item, 1) for item in (value[1:] if isinstance(value, list) else [])]
        elif key == "**":
            parts += [f"{inner}={_render(item, 1)}" for inner, item in _pairs(value)]
        elif key == "vars()":
            continue
        elif key in ("self", "cls", "mcs"):
            parts.append(_short(value))
        else:
            parts.append(f"{key}={_render(value, 1)}")
    text = f"{name}({', '.join(parts)})"
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def render_observation(observation: dict[str, Any], *, limit: int = 400) -> str:
    """What a call did: its value, or `raises Name: text`."""
    if observation["kind"] == "raised":
        _, name, arguments = observation["value"]
        text = ", ".join(_render(item, 1) for item in arguments[1:]) if isinstance(arguments, list) else ""
        shown = f"raises {_class(name)}" + (f": {text}" if text else "")
        return shown if len(shown) <= limit else shown[: limit - 1] + ELLIPSIS
    return render(observation["value"], limit=limit)


def changed_arguments(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """The top-level arguments whose trees differ, as (name, before, after)."""
    left, right = dict(_pairs(before)), dict(_pairs(after))
    return [(name, left[name], right.get(name)) for name in left if left[name] != right.get(name)]


def first_difference(expected: Any, observed: Any, path: str = "") -> tuple[str, Any, Any]:
    """Where two trees first part, as (path, expected part, observed part); for explanations, not for verdicts."""
    if type(expected) is not list or type(observed) is not list or not expected or not observed:
        return path, expected, observed
    if expected[0] == observed[0] == "d":
        left, right = dict(_raw_pairs(expected)), dict(_raw_pairs(observed))
        for key in [*left, *(key for key in right if key not in left)]:
            if left.get(key, _ABSENT) != right.get(key, _ABSENT):
                return first_difference(left.get(key, _ABSENT), right.get(key, _ABSENT), f"{path}[{key}]")
    if expected[0] == observed[0] == "o" and expected[1] == observed[1]:
        for index in (2, 3):
            if expected[index] != observed[index]:
                return first_difference(expected[index], observed[index], path)
    if expected[0] == observed[0] and expected[0] in ("l", "t", "g", "a", "w") and len(expected) == len(observed):
        for number, (left_item, right_item) in enumerate(zip(expected[1:], observed[1:], strict=True)):
            if left_item != right_item:
                return first_difference(left_item, right_item, f"{path}[{number}]")
    return path, expected, observed


_ABSENT = ["?", "absent"]


def is_plain(tree: Any) -> bool:
    """Whether a tree holds nothing but builtin data, so that its text can be read as a literal."""
    if type(tree) is not list:
        return True
    if not tree or tree[0] in ("o", "?", "…", "^", "r", "m", "s", "e", "="):
        return False
    if tree[0] == "d":
        return all(is_plain(part) for pair in tree[1:] for part in pair)
    return all(is_plain(item) for item in tree[1:]) if tree[0] in _OPEN else True


def _pairs(tree: Any) -> list[tuple[str, Any]]:
    return [(str(pair[0]), pair[1]) for pair in tree[1:]] if isinstance(tree, list) else []


def _raw_pairs(tree: Any) -> list[tuple[str, Any]]:
    return [(render(pair[0], limit=80), pair[1]) for pair in tree[1:]]


def _class(name: Any) -> str:
    return str(name).rpartition(":")[2]


def _short(tree: Any) -> str:
    if isinstance(tree, list) and tree and tree[0] == "o":
        return f"<{_class(tree[1])}>"
    return _render(tree, 2)


def _render(tree: Any, depth: int) -> str:
    if type(tree) is not list:
        return repr(tree)
    tag, *rest = tree or ["…"]
    if depth > 8:
        return ELLIPSIS
    if tag in _OPEN:
        opening, closing = _OPEN[tag]
        inner = ", ".join(_render(item, depth + 1) for item in rest)
        if tag == "t" and len(rest) == 1:
            inner += ","
        return "set()" if tag == "S" and not rest else f"{opening}{inner}{closing}"
    if tag == "d":
        return "{" + ", ".join(f"{_render(k, depth + 1)}: {_render(v, depth + 1)}" for k, v in rest) + "}"
    return _render_tagged(tag, rest, depth)


def _render_tagged(tag: str, rest: list[Any], depth: int) -> str:
    if tag == "f":
        return repr(float.fromhex(rest[0]))
    if tag == "c":
        return repr(complex(float.fromhex(rest[0]), float.fromhex(rest[1])))
    if tag in ("b", "B") and len(rest) == 1:
        raw = base64.b64decode(rest[0])
        return repr(raw if tag == "b" else bytearray(raw))
    if tag == "i":
        return str(int(rest[0], 16)) if len(rest) == 1 and len(rest[0]) < 1000 else f"<integer of {rest[0]}>"
    if tag == "s":
        return repr(rest[0])[:-1] + ELLIPSIS + "'"
    if tag == "r":
        return _class(rest[0])
    if tag == "e":
        return f"raises {_class(rest[0])}"
    if tag == "=":
        return f"returns {_render(rest[0], depth + 1)}"
    if tag == "m":
        return f"<method {_render(rest[0], depth + 1)}>"
    if tag == "o":
        return _render_object(rest, depth)
    return ELLIPSIS if tag in ("…", "^") else f"<{_class(rest[0]) if rest else tag}>"


def _render_object(rest: list[Any], depth: int) -> str:
    name, content, state = _class(rest[0]), rest[1], rest[2]
    parts = [] if content is None else [_render(content, depth + 1)]
    parts += [f"{key}={_render(value, depth + 1)}" for key, value in _pairs(state)]
    return f"<{name}>" if depth > 3 else f"{name}({', '.join(parts)})"
