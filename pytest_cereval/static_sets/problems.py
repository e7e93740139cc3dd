"""Turns a JSONL file of HumanEval's shape into problems; nothing of it is executed here.

Each line holds `task_id`, `prompt`, `entry_point`, `canonical_solution` and `test`: the function so far with its
docstring, its name, the rest of its body, and code that defines `check(candidate)`.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pytest_cereval.errors import SettingsError

FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
_MAX_BYTES = 256 << 20
_FORMAT = f"give a JSONL file, gzipped or not, whose lines have the fields {', '.join(FIELDS)}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One line. `module` is the name under which its function is imported, unique within its set."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str
    module: str

    @property
    def reference(self) -> str:
        """The text of the whole function, with what the prompt defines before it."""
        return f"{self.prompt}{self.canonical_solution.rstrip()}\n"


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """All problems of a file in its order. `sha256` is that of the file's bytes as given."""

    name: str
    sha256: str
    problems: tuple[Problem, ...] = field(repr=False)


def read_problems(file: Path, name: str = "") -> ProblemSet:
    """The problems of a file; raises `SettingsError` naming the line and what is wrong with it."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise SettingsError(f"{file} is over {_MAX_BYTES >> 20} MiB", next_step=_FORMAT)
        content = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}", next_step=_FORMAT) from error
    stem = file.name.removesuffix(".gz").removesuffix(".jsonl")
    return parse_problems(content, name or stem, str(file))


def parse_problems(content: bytes, name: str, origin: str) -> ProblemSet:
    """The problems in a file's bytes, see `read_problems`; `origin` names the file in messages."""
    problems: list[Problem] = []
    modules: Counter[str] = Counter()
    for number, line in enumerate(_text(content, origin).splitlines(), 1):
        if line.strip():
            problems.append(_problem(line, f"{origin}:{number}", modules))
    if not problems:
        raise SettingsError(f"{origin} holds no problem", next_step=_FORMAT)
    twice = [task for task, count in Counter(problem.task_id for problem in problems).items() if count > 1]
    if twice:
        raise SettingsError(f"{origin} holds {twice[0]!r} twice", next_step="give each problem a task_id of its own")
    return ProblemSet(name, hashlib.sha256(content).hexdigest(), tuple(problems))


def _text(content: bytes, origin: str) -> str:
    try:
        if content[:2] == b"\x1f\x8b":
            content = _unpacked(content, origin)
        return content.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SettingsError(f"{origin} is not UTF-8 text: {error}", next_step=_FORMAT) from error


def _unpacked(content: bytes, origin: str) -> bytes:
    unpacked = zlib.decompressobj(wbits=31).decompress(content, _MAX_BYTES)
    if len(unpacked) >= _MAX_BYTES:
        raise SettingsError(f"{origin} unpacks to over {_MAX_BYTES >> 20} MiB", next_step=_FORMAT)
    return unpacked


def _problem(line: str, where: str, modules: Counter[str]) -> Problem:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not JSON: {error}", next_step=_FORMAT) from error
    wrong = [name for name in FIELDS if not isinstance(data, dict) or not isinstance(data.get(name), str)]
    if wrong:
        raise SettingsError(f"{where}: no text in the field {wrong[0]!r}", next_step=_FORMAT)
    if not data["entry_point"].isidentifier():
        raise SettingsError(f"{where}: entry_point is no name: {data['entry_point'][:80]!r}", next_step=_FORMAT)
    base = re.sub(r"\W+", "_", data["task_id"], flags=re.ASCII).strip("_") or "problem"
    base = base if base[0].isalpha() else f"problem_{base}"
    modules[base] += 1
    module = base if modules[base] == 1 else f"{base}__{modules[base]}"
    return Problem(**{name: data[name] for name in FIELDS}, module=module)
