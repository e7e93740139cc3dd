"""Turns a verdict and its evidence into the class of failure that people are shown; the one home of both.

A verdict says what the judge saw, a class says what went wrong with the answer. It is derived, never decides
anything, and is stored beside the verdict so that counts by class stay what they were.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from pytest_cereval.results.verdict import Verdict

MISSING = "missing"
"""Key of evidence that says why an answer holds nothing to judge: the value of a `Failure`."""
SIGNATURE = "signature"
"""Key of evidence for a signature that differs: the one `given` and the `original`, as texts."""

CONSTRAINTS = "constraints"
"""Key of evidence for stated constraints that an answer breaks, as sentences."""


class Failure(enum.StrEnum):
    """Why an answer is not right, as a closed set; the values are what reports show."""

    NO_CODE = "no code"
    UNPARSABLE = "does not parse"
    SIGNATURE = "wrong name or signature"
    IMPORT = "import error"
    WRONG_RESULT = "wrong result"
    WRONG_EXCEPTION = "wrong exception"
    MUTATION = "mutates arguments"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    LIMIT = "other limit"
    EARLY_EXIT = "early exit"
    NONDETERMINISTIC = "nondeterministic"
    TAMPER = "tamper"
    UNSAFE = "breaks a constraint"
    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    WRONG_LINE = "wrong line"
    WRONG_WEAKNESS = "wrong weakness"
    UNREPRODUCED = "not reproduced"

    @property
    def meaning(self) -> str:
        """One plain sentence for people."""
        return _MEANINGS[self]


_MEANINGS = {
    Failure.NO_CODE: "the answer holds no code, or never came to it",
    Failure.UNPARSABLE: "the code in the answer is not valid Python",
    Failure.SIGNATURE: "the function has another name, or cannot be called as the original is",
    Failure.IMPORT: "the file with the answer in it, or something the answer needs, cannot be imported",
    Failure.WRONG_RESULT: "a call returns another value",
    Failure.WRONG_EXCEPTION: "a call raises something else, raises where it should not, or does not where it should",
    Failure.MUTATION: "a call leaves its arguments in another state",
    Failure.TIMEOUT: "a call does not end in time",
    Failure.MEMORY: "the answer runs out of memory",
    Failure.LIMIT: "the answer starts too many processes or floods its output",
    Failure.EARLY_EXIT: "the process ends before all calls are answered",
    Failure.NONDETERMINISTIC: "two runs of the same calls differ",
    Failure.UNSAFE: "the answer behaves, and does what the question forbids (eval, other processes, the network)",
    Failure.MISSED: "the answer reports nothing where something was planted",
    Failure.FALSE_ALARM: "the answer reports a fault where there is none",
    Failure.WRONG_LINE: "the answer repairs the function and names another line",
    Failure.WRONG_WEAKNESS: "the answer names another class of weakness",
    Failure.UNREPRODUCED: "the exploit does not work, or works without the weakness as well",
    Failure.TAMPER: "the process sends what no honest answer sends, or meddles with what judges it",
}
_BY_VERDICT: dict[Verdict, Failure | None] = {
    Verdict.PASS: None,
    Verdict.INVALID: None,
    Verdict.UNCONFIRMED: None,
    Verdict.NO_ANSWER: Failure.NO_CODE,
    Verdict.FAIL_LOAD: Failure.IMPORT,
    Verdict.FAIL_WRONG: Failure.WRONG_RESULT,
    Verdict.FAIL_UNREPRESENTABLE: Failure.WRONG_RESULT,
    Verdict.FAIL_EXCEPTION: Failure.WRONG_EXCEPTION,
    Verdict.FAIL_TIMEOUT: Failure.TIMEOUT,
    Verdict.FAIL_MEMORY: Failure.MEMORY,
    Verdict.FAIL_PROCESSES: Failure.LIMIT,
    Verdict.FAIL_OUTPUT: Failure.LIMIT,
    Verdict.FAIL_EARLY_EXIT: Failure.EARLY_EXIT,
    Verdict.FAIL_NONDET: Failure.NONDETERMINISTIC,
    Verdict.FAIL_PROTOCOL: Failure.TAMPER,
    Verdict.FAIL_VACUOUS: Failure.EARLY_EXIT,
    Verdict.TAMPER: Failure.TAMPER,
    Verdict.FAIL_UNSAFE: Failure.UNSAFE,
    Verdict.FAIL_MISSED: Failure.MISSED,
    Verdict.FAIL_FALSE_ALARM: Failure.FALSE_ALARM,
    Verdict.FAIL_LOCATION: Failure.WRONG_LINE,
    Verdict.FAIL_WEAKNESS: Failure.WRONG_WEAKNESS,
    Verdict.FAIL_UNREPRODUCED: Failure.UNREPRODUCED,
}
_NOT_PYTHON = ("SyntaxError:", "IndentationError:", "TabError:")
_NOT_FOUND = ("raises ImportError", "raises ModuleNotFoundError")
_NOT_CALLABLE = "raises TypeError"


def failure_of(verdict: Verdict, evidence: Mapping[str, Any]) -> Failure | None:
    """The class of a failed attempt; None where nothing failed: a pass, `INVALID` and `UNCONFIRMED`.

    Evidence may be anything, since it is read back from records: what is not there, or has another shape, decides
    nothing.
    """
    if verdict is Verdict.NO_ANSWER:
        known = {item.value: item for item in Failure}
        return known.get(str(evidence.get(MISSING)), Failure.NO_CODE)
    if verdict is Verdict.FAIL_LOAD and str(evidence.get("error", "")).startswith(_NOT_PYTHON):
        return Failure.UNPARSABLE
    smallest = evidence.get("smallest")
    if isinstance(smallest, dict):
        by_call = _of_call(verdict, smallest, evidence.get(SIGNATURE))
        if by_call is not None:
            return by_call
    return _BY_VERDICT[verdict]


def _of_call(verdict: Verdict, smallest: Mapping[str, Any], signature: Any) -> Failure | None:
    """What the smallest differing call tells beyond the verdict."""
    observed, expected = str(smallest.get("observed", "")), str(smallest.get("expected", ""))
    differs = isinstance(signature, dict)
    if differs and len({str(text).startswith("async ") for text in signature.values()}) == 2:
        return Failure.SIGNATURE
    if verdict is Verdict.FAIL_EXCEPTION:
        if differs and observed.startswith(_NOT_CALLABLE):
            return Failure.SIGNATURE
        return Failure.IMPORT if observed.startswith(_NOT_FOUND) else None
    if verdict is Verdict.FAIL_WRONG and smallest.get("aspect") == "after":
        return Failure.MUTATION
    if verdict is Verdict.FAIL_WRONG and smallest.get("aspect") == "kind" and expected.startswith("raises "):
        return Failure.WRONG_EXCEPTION
    return None
