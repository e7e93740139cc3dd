"""Turns an attempt, its task and its run into rows of name and text, as a page's tables show them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from pytest_cereval.inside.equality import Level
from pytest_cereval.report.page import speed_cell
from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.run import Run

Rows = list[tuple[str, str]]
_KINDS_OF_INPUTS = ("recorded", "borrowed", "edited", "generated")


def headline_rows(attempt: Attempt) -> Rows:
    """The few facts that stand under a page's title."""
    completion = attempt.completion or {}
    facts = [
        ("Why it failed", attempt.failure.value if attempt.failure else ""),
        ("Category", attempt.category),
        ("Requirement", attempt.requirement),
        ("Stratum", attempt.stratum),
        ("Sample", str(attempt.sample)),
        ("Temperature", "" if attempt.temperature is None else f"{attempt.temperature:g}"),
        ("Seed", "" if attempt.seed is None else str(attempt.seed)),
        ("Completion tokens", str(completion.get("completion_tokens", ""))),
        ("Tokens/s", speed_cell(attempt)),
        ("Ended by", str(completion.get("finish_reason", ""))),
        ("Sandbox level", attempt.sandbox_level),
    ]
    return [(name, value) for name, value in facts if value]


def cost_rows(attempt: Attempt) -> Rows:
    """Tokens, seconds and points in time."""
    completion = attempt.completion
    rows = [("Began", attempt.started), ("Ended", attempt.ended), ("Judging", f"{attempt.judge_s:.3f} s")]
    if completion is None:
        return rows
    reused = ", reused from an earlier run, whose times these are" if attempt.reused else ""
    margin = completion["min_margin"]
    return [
        ("Prompt tokens", f"{completion['prompt_tokens']}, {completion['cached_tokens']} of them cached"),
        ("Completion tokens", f"{completion['completion_tokens']}{reused}"),
        ("Reading the prompt", f"{completion['prefill_s']:.3f} s"),
        ("Generating", f"{completion['decode_s']:.3f} s, {speed_cell(attempt) or 'no'} tokens/s"),
        ("Completion in all", f"{completion['wall_s']:.3f} s, ended by {completion['finish_reason']}"),
        ("Smallest margin between two tokens", "not measured" if margin is None else f"{margin:.4f} logits"),
        *rows,
    ]


def identity_rows(attempt: Attempt, run: Run) -> Rows:
    """Digests and names with which the same can be asked and judged again."""
    known = {key: run.provenance[key] for key in ("repository", "model", "decoding") if key in run.provenance}
    completion = attempt.completion or {}
    candidate = attempt.candidate.encode("utf-8", "surrogatepass")
    rows = [
        ("Run", f"{run.run_id}, begun {run.started}"),
        ("Task", attempt.task_id),
        ("Test item", attempt.nodeid),
        *flat_rows(known),
        ("Prompt, sha256", attempt.prompt_sha256),
        ("Rendered prompt, sha256", str(completion.get("rendered_sha256", ""))),
        ("Completion tokens, sha256", str(completion.get("tokens_sha256", ""))),
        ("Judged source, sha256", hashlib.sha256(candidate).hexdigest() if candidate else ""),
    ]
    return [(name, value) for name, value in rows if value]


def certificate_rows(certificate: Mapping[str, Any]) -> Rows:
    """What was shown about a task before it was asked; what has no sentence here is shown as it is."""
    rows = [(title, say(certificate)) for title, needs, say in _SENTENCES if certificate.keys() >= needs]
    said = {key for _, needs, _ in _SENTENCES if certificate.keys() >= needs for key in needs}
    return rows + flat_rows({key: value for key, value in certificate.items() if key not in said})


def flat_rows(value: Any, name: str = "") -> Rows:
    """Nested JSON as rows named by their path; empty objects and lists are left out."""
    if isinstance(value, Mapping):
        pairs = [(f"{name}.{key}" if name else str(key), inner) for key, inner in value.items()]
        return [row for key, inner in pairs for row in flat_rows(inner, key)]
    if isinstance(value, list) and any(isinstance(each, (Mapping, list)) for each in value):
        return [row for number, each in enumerate(value) for row in flat_rows(each, f"{name}[{number}]")]
    if isinstance(value, list):
        return [(name, ", ".join(map(str, value)))] if value else []
    return [(name, value if isinstance(value, str) else json.dumps(value))]


def _inputs(certificate: Mapping[str, Any]) -> str:
    if certificate.get("oracle") == "tests":
        return f"{certificate['recorded_inputs']} tests of the repository"
    calls = ", ".join(f"{certificate[f'{kind}_inputs']} {kind}" for kind in _KINDS_OF_INPUTS)
    return f"{calls}, and {certificate['tests']} tests" if certificate.get("tests") else calls


def _examples(certificate: Mapping[str, Any]) -> str:
    kept = certificate["generated_inputs"]
    few = "" if kept >= MIN_EXAMPLES else f": fewer than {MIN_EXAMPLES}, too few to say much"
    return f"{certificate['drawn']} examples drawn by Hypothesis, {kept} of use{few}"


def _mutants(certificate: Mapping[str, Any]) -> str:
    text = f"{certificate['mutants_killed']} of {certificate['mutants_total']}"
    if certificate["mutation_score"] is not None:
        text += f", score {certificate['mutation_score']:.2f}"
    if certificate["timed_out"]:
        text += f", {certificate['timed_out']} of them by a limit or a crash"
    if certificate["equivalent"]:
        text += f"; {certificate['equivalent']} more compile to the reference's bytecode and do not count"
    return text


def _share(part: str, whole: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda certificate: f"{certificate[part]} of {certificate[whole]}"


def _equality(certificate: Mapping[str, Any]) -> str:
    """In the words of the level; the record of another version, which may know other levels, as it is."""
    try:
        return Level(**certificate["equality"]).words()
    except TypeError:
        return json.dumps(certificate["equality"])


def _listed(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda certificate: "; ".join(map(str, certificate[name])) or "none"


def _branches(certificate: Mapping[str, Any]) -> str:
    vacuous = "" if certificate["branches_total"] else ": it has no decision"
    return f"{certificate['branches_covered']} of {certificate['branches_total']}{vacuous}"


MIN_EXAMPLES = 5
"""Examples of use below which the property is said to show little."""
_ORACLES = {
    "calls": "calls, replayed by a judge in a process of its own",
    "tests": "the repository's own tests, in one process with the answer",
    "both": "calls, replayed by a judge in a process of its own, then the repository's own tests, in one process",
}
# Title, the certificate's keys that the sentence uses up, the sentence.
_SENTENCES: tuple[tuple[str, frozenset[str], Callable[[Mapping[str, Any]], str]], ...] = (
    ("Replays of the reference that agree", frozenset({"replays"}), lambda known: str(known["replays"])),
    ("Hidden inputs", frozenset({"tests", *(f"{kind}_inputs" for kind in _KINDS_OF_INPUTS)}), _inputs),
    (
        "Emptied bodies rejected",
        frozenset({"stubs_rejected", "stubs_total"}),
        _share("stubs_rejected", "stubs_total"),
    ),
    (
        "Mutants killed",
        frozenset({"mutants_killed", "mutants_total", "mutation_score", "timed_out", "equivalent"}),
        _mutants,
    ),
    ("Mutants that survive", frozenset({"survivors"}), _listed("survivors")),
    ("Mutants that are told apart", frozenset({"killed"}), _listed("killed")),
    (
        "Behaviour-preserving rewrites accepted",
        frozenset({"rewrites_accepted", "rewrites_total"}),
        _share("rewrites_accepted", "rewrites_total"),
    ),
    ("Oracle", frozenset({"oracle"}), lambda known: _ORACLES.get(known["oracle"], str(known["oracle"]))),
    ("Property of equivalence", frozenset({"drawn"}), _examples),
    ("Laws kept", frozenset({"laws"}), _listed("laws")),
    ("Equality", frozenset({"equality"}), _equality),
    ("Seed of the generated inputs", frozenset({"seed"}), lambda known: str(known["seed"])),
    ("Branches of the reference covered", frozenset({"branches_covered", "branches_total"}), _branches),
)
