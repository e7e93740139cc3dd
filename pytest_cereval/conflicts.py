"""Refuses options that contradict each other, and says which one to leave out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_cereval.errors import SettingsError
from pytest_cereval.models.model import MAX_TOGETHER

Value = Callable[[str], Any]


def refuse_conflicts(value: Value, *, demo: bool) -> None:
    """Raise `SettingsError` for the first combination that cannot be meant; `value` gives an option's value by name."""
    for holds, what, next_step in _conflicts(value, demo):
        if holds:
            raise SettingsError(what, next_step=next_step)


def _conflicts(value: Value, demo: bool) -> tuple[tuple[bool, str, str], ...]:
    score, apart = value("score"), value("generate-only")
    return (
        (
            value("flash-attn") not in ("on", "off"),
            f"--cereval-flash-attn={value('flash-attn')}",
            "give on or off",
        ),
        (
            demo and bool(value("repo") or value("model")),
            "--cereval-demo brings its own repository and model",
            "leave out --cereval-repo and --cereval-model, or leave out --cereval-demo",
        ),
        *_about_samples(value),
        (
            bool(score and apart),
            "--cereval-score judges what is there, --cereval-generate-only judges nothing",
            "leave out one of them",
        ),
        (
            bool(score and value("model")),
            "--cereval-score asks no model",
            "leave out --cereval-model, or leave out --cereval-score",
        ),
        (
            bool(score and value("resume")),
            "--cereval-score takes the answers of one run, --cereval-resume those of any",
            "leave out one of them",
        ),
        (
            bool(apart and (value("gate") or value("baseline"))),
            "--cereval-generate-only judges nothing that a gate could count",
            "give the gate to the run that judges, with --cereval-score",
        ),
        (
            bool(value("sign") and not value("out")),
            "--cereval-sign without --cereval-out has nothing to sign",
            "give --cereval-out=DIR, or leave out --cereval-sign",
        ),
        (
            bool(value("shard") and (value("gate") or value("baseline"))),
            "--cereval-shard asks a part of the tasks, by which no gate can be decided",
            "leave out the gate here, and decide on the merged run with `cereval gate`",
        ),
    )


def _about_samples(value: Value) -> tuple[tuple[bool, str, str], ...]:
    samples, score = value("samples"), value("score")
    return (
        (
            samples > 1 and value("temperature") == 0 and not score,
            f"--cereval-samples={samples} at temperature 0 would draw the same answer {samples} times",
            "give --cereval-temperature=T above 0, or leave out --cereval-samples",
        ),
        (
            bool(value("batch") and not score and not 1 < samples <= MAX_TOGETHER),
            f"--cereval-batch decodes several answers to a task together, --cereval-samples={samples} are not several"
            if samples == 1
            else f"--cereval-batch decodes at most {MAX_TOGETHER} answers to a task together, not {samples}",
            f"give --cereval-samples=K between 2 and {MAX_TOGETHER}, or leave out --cereval-batch",
        ),
        (
            bool(value("batch") and score),
            "--cereval-score decodes nothing, so --cereval-batch has no meaning",
            "leave out --cereval-batch; the run says how its answers were drawn",
        ),
    )
