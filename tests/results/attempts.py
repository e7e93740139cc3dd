"""Attempts as a run would record them, and a Hypothesis strategy for any attempt."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pytest_cereval.models.model import Completion, FinishReason
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.failure import Failure, failure_of
from pytest_cereval.results.verdict import Verdict


def a_completion(**changes: Any) -> dict[str, Any]:
    """A completion of 100 tokens decoded in 4 s."""
    values: dict[str, Any] = {
        "text": "```python\ndef clamp(x, low, high):\n    return max(low, x)\n```\n",
        "finish_reason": FinishReason.stop_eog,
        "prompt_tokens": 800,
        "cached_tokens": 640,
        "completion_tokens": 100,
        "prefill_s": 0.5,
        "decode_s": 4.0,
        "wall_s": 4.6,
        "rendered_sha256": "aa" * 32,
        "tokens_sha256": "bb" * 32,
        "min_margin": 0.25,
    }
    return Completion(**{**values, **changes}).to_dict()


def an_attempt(**changes: Any) -> Attempt:
    """A wrong answer with full evidence."""
    values: dict[str, Any] = {
        "run_id": "run-1",
        "task_id": "task-1",
        "task_name": "ranges.clamp",
        "nodeid": "ranges.py::ranges.clamp",
        "category": "code_generation",
        "requirement": "documented",
        "stratum": "standard",
        "sample": 0,
        "prompt_sha256": "cc" * 32,
        "prompt_system": "You write Python.",
        "prompt_user": "Write clamp.\n",
        "completion": a_completion(),
        "reused": False,
        "verdict": Verdict.FAIL_WRONG,
        "detail": "3 of 41 calls differ",
        "evidence": {
            "checked": 41,
            "differing": 3,
            "hidden": 41,
            "smallest": {
                "call": "clamp(5, 0, 3)",
                "expected": "3",
                "observed": "5",
                "aspect": "value",
                "where": "$",
            },
        },
        "candidate": "def clamp(x, low, high):\n    return max(low, x)\n",
        "sandbox_level": "ns",
        "judge_s": 0.8,
        "started": "2026-11-21T10:00:00.000+00:00",
        "ended": "2026-11-21T10:00:06.000+00:00",
    }
    made = {**values, **changes}
    return Attempt(**{"failure": failure_of(made["verdict"], made["evidence"]), **made})


def attempts_like(*verdicts: Verdict, **changes: Any) -> list[Attempt]:
    """One attempt at a task of its own per verdict."""
    return [
        an_attempt(task_id=f"{changes.get('stratum', '')}task-{number}", verdict=verdict, **changes)
        for number, verdict in enumerate(verdicts)
    ]


_ANY_TEXT = st.text(st.characters())
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | _FINITE | _ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def any_attempt() -> st.SearchStrategy[Attempt]:
    """Attempts with any text, lone surrogates and control characters included, and any JSON as evidence."""
    completions = st.builds(
        Completion,
        text=_ANY_TEXT,
        finish_reason=st.sampled_from(FinishReason),
        prompt_tokens=st.integers(0),
        cached_tokens=st.integers(0),
        completion_tokens=st.integers(0),
        prefill_s=_FINITE,
        decode_s=_FINITE,
        wall_s=_FINITE,
        rendered_sha256=_ANY_TEXT,
        tokens_sha256=_ANY_TEXT,
        min_margin=st.none() | _FINITE,
    ).map(Completion.to_dict)
    return st.builds(
        an_attempt,
        detail=_ANY_TEXT,
        candidate=_ANY_TEXT,
        prompt_user=_ANY_TEXT,
        sample=st.integers(0, 2**31),
        verdict=st.sampled_from(Verdict),
        failure=st.none() | st.sampled_from(Failure),
        reused=st.booleans(),
        judge_s=_FINITE,
        completion=st.none() | completions,
        evidence=st.dictionaries(_ANY_TEXT, _JSON, max_size=4),
        band=_ANY_TEXT,
        control=st.booleans(),
        claimed=st.booleans(),
        scores=st.dictionaries(_ANY_TEXT, st.booleans(), max_size=3),
    )
