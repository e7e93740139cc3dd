"""Turns one finished attempt at one task into a record that a store, an export and a report can all read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.errors import StoreError
from pytest_cereval.results.failure import Failure, failure_of
from pytest_cereval.results.verdict import Verdict

FORMAT_VERSION = 1
DOCUMENTED = "documented"
INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One question, its answer and what became of it.

    requirement: where it came from, `documented` or `inferred`; the two are never added up silently.
    sample: number of the attempt at this task within the run, from 0.
    completion: what the model gave (`Completion.to_dict()`), None when it was never asked or crashed.
    reused: the completion was taken from an earlier run; its tokens and times are that run's, not this one's.
    evidence: JSON that shows why the verdict is what it is. For `code_generation`: how many of the `hidden`
        calls were `checked` and are `differing`, the `smallest` of these (`call`, `expected`, `observed`,
        `aspect`, `where`), `error`, and the tail of the sandboxed process' `output`.
        Also `missing` and `signature` (see `results.failure`), `notes` on what was left out of the answer, and `lint`:
        what linters say of the candidate, as a list of `tool`, `code`, `line` (of the candidate) and `message`.
    candidate: source text as it was judged, empty when there was none.
    failure: the class of what went wrong, None for `PASS` and `INVALID`; derived from verdict and evidence.
    band: how hard the task is, empty in records made before there were bands. control: nothing is wrong with what is
        shown. claimed: the answer claims success. scores: parts that the category scores beside the verdict.
    temperature, seed: how the answer was drawn, None in records made before this was kept.
    judge_s: seconds from completion to verdict. started, ended: ISO 8601, UTC.
    """

    run_id: str
    task_id: str
    task_name: str
    nodeid: str
    category: str
    requirement: str
    stratum: str
    sample: int
    prompt_sha256: str
    prompt_system: str
    prompt_user: str
    completion: dict[str, Any] | None
    reused: bool
    verdict: Verdict
    detail: str
    evidence: dict[str, Any] = field(repr=False)
    candidate: str = field(repr=False)
    sandbox_level: str
    judge_s: float
    started: str
    ended: str
    failure: Failure | None = None
    band: str = ""
    control: bool = False
    claimed: bool = False
    scores: dict[str, bool] = field(default_factory=dict)
    temperature: float | None = None
    seed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins with the format version under `format`; `from_dict` gives back an equal record."""
        return {"format": FORMAT_VERSION, **dataclasses.asdict(self), **self._classes()}

    def _classes(self) -> dict[str, str | None]:
        return {"verdict": self.verdict.value, "failure": None if self.failure is None else self.failure.value}

    def without_texts(self) -> Attempt:
        """The same attempt less its long texts, for places that carry it beside the store."""
        completion = None if self.completion is None else {**self.completion, "text": ""}
        return dataclasses.replace(
            self, prompt_system="", prompt_user="", completion=completion, evidence={}, candidate=""
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Attempt:
        """Read what `to_dict` wrote; raises `StoreError` naming the first thing that does not fit."""
        if data.get("format") != FORMAT_VERSION:
            raise StoreError(
                f"an attempt has format {data.get('format')!r}; this version reads format {FORMAT_VERSION}",
                next_step="read it with the version of pytest-cereval that wrote it",
            )
        for name, kinds in _FIELDS.items():
            if name not in data or type(data[name]) not in kinds:
                found = repr(data[name])[:80] if name in data else "nothing"
                raise StoreError(
                    f"not an attempt: field {name!r} holds {found}",
                    next_step="restore the record from its source; it was changed after it was written",
                )
        for name, kinds in _LATER.items():
            if name in data and type(data[name]) not in kinds:
                raise StoreError(
                    f"not an attempt: field {name!r} holds {repr(data[name])[:80]}",
                    next_step="restore the record from its source; it was changed after it was written",
                )
        if data["verdict"] not in Verdict.__members__:
            raise StoreError(
                f"not an attempt: verdict {data['verdict']!r} is none of " + ", ".join(Verdict),
                next_step="read it with the version of pytest-cereval that wrote it",
            )
        verdict = Verdict(data["verdict"])
        values = {name: data[name] for name in _FIELDS} | {name: data[name] for name in _LATER if name in data}
        return cls(**{**values, "verdict": verdict, "failure": _failure(data, verdict)})


def _failure(data: dict[str, Any], verdict: Verdict) -> Failure | None:
    """The class as stored; derived for records made before classes were stored."""
    if "failure" not in data:
        return failure_of(verdict, data["evidence"])
    if data["failure"] not in (None, *Failure):
        raise StoreError(
            f"not an attempt: failure {str(data['failure'])[:80]!r} is none of " + ", ".join(Failure),
            next_step="read it with the version of pytest-cereval that wrote it",
        )
    return None if data["failure"] is None else Failure(data["failure"])


_LATER: dict[str, tuple[type, ...]] = {
    "band": (str,),
    "control": (bool,),
    "claimed": (bool,),
    "scores": (dict,),
    "temperature": (float, type(None)),
    "seed": (int, type(None)),
}
"""Fields that records made before them lack."""
_FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(
        (each.name for each in dataclasses.fields(Attempt) if each.name not in ("failure", *_LATER)), (str,)
    ),
    "sample": (int,),
    "completion": (dict, type(None)),
    "reused": (bool,),
    "evidence": (dict,),
    "judge_s": (int, float),
}
