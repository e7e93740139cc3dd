"""Turns what is stored of runs into the conditions that must agree, and refuses runs where they do not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.errors import CerevalError
from pytest_cereval.results.run import Run
from pytest_cereval.statistics.records import Record

MAY_DIFFER = frozenset(
    {"model", "repo", "demo", "store", "cache", "resume", "python", "lint", "threads", "gate", "baseline", "margin",
     "batch", "cutoff", "guard", "static", "out", "sign", "evaluator", "score", "generate-only", "shard", "registry",
     "natural", "fresh"}
)  # fmt: skip
"""Options that name the model, a place or what is made of results, but change no question, answer or verdict; what
`batch` changes is compared as `decoding`, which a run that is judged apart has from the one that was asked."""
_TOOLS = ("pytest-cereval", "llama-cpp-python")
_OF_REPOSITORY = frozenset({"suite.functions", "suite.tasks"})
_DRAWING = frozenset({"temperature", "seed", "samples", "max-tokens", "thinking", "answer-timeout"})
_LOADING = frozenset({"ctx", "gpu-layers", "flash-attn", "type-k", "type-v", "plain-prompt"})
_NOT_LOADED = frozenset({"n_threads", "together"})
"""Of how a model was loaded, what may differ, or is compared elsewhere."""
_SHOWN = 60
_ALONE = "one by one"
"""How answers were decoded before a record said so."""


class NotComparable(CerevalError):
    """Two runs were not made under the same conditions; `field` names the first that differs."""

    def __init__(self, field: str, first: tuple[str, str], second: tuple[str, str]) -> None:
        super().__init__(
            f"runs {first[0]!r} and {second[0]!r} were not made under the same conditions: {field} is"
            f" {_short(first[1])} in the first and {_short(second[1])} in the second",
            next_step=f"repeat one of them, or let it differ: --allow={field} of the cereval command",
        )
        self.field = field


@dataclass(frozen=True, slots=True)
class Conditions(Record):
    """What decided a run besides its model. `shared` must agree for all runs, `of_repository` for runs on the same
    repository, and `noted` only deserves a remark.
    """

    run_id: str
    repository: str
    shared: dict[str, str]
    of_repository: dict[str, str]
    noted: dict[str, str]


def conditions_of(run: Run, task_ids: Iterable[str]) -> Conditions:
    """Read them from a run's provenance and the ids of its tasks; what a record lacks counts as the text "unknown"."""
    known = run.provenance
    repository = _mapping(known, "repository")
    ids = list(task_ids)
    digest = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    suite = {f"suite.{name}": _text(value) for name, value in _mapping(known, "suite").items()}
    versions = _mapping(known, "versions")
    drawn, loaded = _drawn(known), _loaded(_mapping(known, "model"))
    said = (_DRAWING if drawn else frozenset()) | (_LOADING if loaded else frozenset())
    options = {f"options.{k}": _text(v) for k, v in _mapping(known, "options").items() if k not in MAY_DIFFER | said}
    return Conditions(
        run_id=run.run_id,
        repository=_text(repository.get("name")),
        shared={
            "rules_version": _text(known.get("rules_version")),
            **options,
            **drawn,
            **loaded,
            **{name: value for name, value in suite.items() if name not in _OF_REPOSITORY},
            "decoding": _decoding(_mapping(known, "decoding")),
            "sandbox.level": _text(_mapping(known, "sandbox").get("level")),
            "interpreter.version": _text(_mapping(known, "interpreter").get("version")),
            **{f"versions.{name}": _text(versions.get(name)) for name in _TOOLS},
        },
        of_repository={
            "repository.commit": _text(repository.get("commit")),
            "repository.tree_hash": _text(repository.get("tree_hash")),
            "repository.dirty": _text(repository.get("dirty")),
            "tasks": f"{len(ids)} tasks with digest {digest[:12]}",
            **{name: value for name, value in suite.items() if name in _OF_REPOSITORY},
        },
        noted={
            **{f"machine.{k}": _text(_mapping(known, "machine").get(k)) for k in ("cpu", "gpus", "usable_cores")},
            **{f"versions.{name}": _text(version) for name, version in versions.items() if name not in _TOOLS},
        },
    )


def require_identical(conditions: Sequence[Conditions], allowed: Collection[str] = ()) -> tuple[str, ...]:
    """Fields that differ and were `allowed` to, in order; raises `NotComparable` for the first other one."""
    differing: dict[str, None] = {}
    for number, second in enumerate(conditions):
        for first in conditions[:number]:
            pairs = [(first.shared, second.shared)]
            if first.repository == second.repository:
                pairs.append((first.of_repository, second.of_repository))
            for field, one, other in _differing(pairs):
                if field not in allowed:
                    raise NotComparable(field, (first.run_id, one), (second.run_id, other))
                differing[field] = None
    return tuple(differing)


def remarks(conditions: Sequence[Conditions]) -> tuple[str, ...]:
    """One line per noted field that is not the same in all runs."""
    lines = []
    for field in dict.fromkeys(name for each in conditions for name in each.noted):
        values = list(dict.fromkeys(each.noted.get(field, "unknown") for each in conditions))
        if len(values) > 1:
            lines.append(f"{field} differs: {', '.join(map(_short, values))}")
    return tuple(lines)


def _differing(pairs: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]) -> Iterable[tuple[str, str, str]]:
    for first, second in pairs:
        for field in dict.fromkeys([*first, *second]):
            one, other = first.get(field, "unknown"), second.get(field, "unknown")
            if one != other:
                yield field, one, other


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}


def _drawn(known: Mapping[str, Any]) -> dict[str, str]:
    """How answers were drawn, as the record says it: the options of a run that judges answers of an earlier one do not.

    Empty for a record that does not say.
    """
    samplings = known.get("sampling")
    if not isinstance(samplings, list) or not all(isinstance(each, Mapping) for each in samplings):
        return {}
    names = dict.fromkeys(name for each in samplings for name in each)
    columns = {f"sampling.{name}": _text([each.get(name) for each in samplings]) for name in names}
    return {"sampling.samples": str(len(samplings)), **columns}


def _loaded(model: Mapping[str, Any]) -> dict[str, str]:
    """How the model was loaded; empty for a record that does not say, as of answers that were recorded elsewhere."""
    settings = _mapping(model, "load_settings")
    return {f"loading.{name}": _text(value) for name, value in settings.items() if name not in _NOT_LOADED}


def _decoding(known: Mapping[str, Any]) -> str:
    """How answers were decoded; of a batch also how large it was, since both decide their bits."""
    together = known.get("together", 1)
    mode = _text(known.get("mode", _ALONE))
    return mode if together == 1 else f"{mode} by {_text(together)}"


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
