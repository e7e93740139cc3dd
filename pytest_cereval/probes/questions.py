"""Turns a stored task into the probes of its function, and an answer to one into what it shows of memory.

Each probe is plain data: it is kept beside its answer, and scored again from both. Nothing of an answer is run.
"""

from __future__ import annotations

import ast
import enum
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.blocks import blocks, without_thinking
from pytest_cereval.probes.completion import PrefixProbe, PrefixScore, prefix_probe
from pytest_cereval.probes.counterfactual import counterfactuals
from pytest_cereval.probes.definition import same_body
from pytest_cereval.probes.prompts import continuation_prompt, counterfactual_prompt
from pytest_cereval.probes.renaming import renamed_twin
from pytest_cereval.source.functions import FunctionNode
from pytest_cereval.source.syntax import parse

CATEGORY = "memorisation_probe"
_GENERATION = "code_generation"
_MAX_ANSWER = 200_000


class Kind(enum.StrEnum):
    """What is asked of a function."""

    PREFIX = "prefix completion"
    OWN_NAMES = "own names"
    OTHER_NAMES = "other names"
    COUNTERFACTUAL = "counterfactual twin"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question. given, expected: what is shown of a function and what is held back, or for a counterfactual twin
    the changed requirement and the original's text. about: the stored task that it was made from.
    """

    kind: Kind
    about: Mapping[str, Any]
    prompt: Prompt
    given: str
    expected: str

    @property
    def id(self) -> str:
        """A digest of the question and of what its answer is compared with."""
        text = json.dumps([self.kind.value, asdict(self.prompt), self.given, self.expected], sort_keys=True)
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """As a task of the store; JSON builtins only."""
        kept = {name: self.about[name] for name in ("path", "freshness", "reference") if name in self.about}
        static_set = (self.about.get("about") or {}).get("static_set", "")
        return {
            **kept,
            "id": self.id,
            "name": f"{_function(self.about)} [{self.kind}]",
            "category": CATEGORY,
            "function": _function(self.about),
            "prompt": asdict(self.prompt),
            "about": {"static_set": static_set} if static_set else {},
            "probe": {
                "kind": self.kind.value,
                "given": self.given,
                "expected": self.expected,
                "task": str(self.about["id"]),
            },
        }


def probes_of(tasks: Iterable[Mapping[str, Any]], project: str) -> list[Probe]:
    """The probes of every function that the tasks know the text of, each function once."""
    found = [probe for task in _functions(tasks) for probe in _probes(task, project)]
    return list({probe.id: probe for probe in found}.values())


def score(kind: Kind, given: str, expected: str, answer: str) -> PrefixScore | bool | None:
    """How much of what was held back an answer gives; of a counterfactual twin, whether it is the original's body.

    None for an answer to a twin that defines no function.
    """
    if kind is not Kind.COUNTERFACTUAL:
        return PrefixProbe(given, expected).score(answer)
    try:
        definitions = list(_definitions(answer[:_MAX_ANSWER], _name(expected)))
    except RecursionError:
        return None  # hostile nesting
    return same_body(expected, definitions[-1]) if definitions else None


def _functions(tasks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One task per function, its `code_generation` task where there is one."""
    chosen: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for task in tasks:
        if task.get("reference"):
            key = (str(task.get("path", "")), _function(task), str(task["reference"]))
            if key not in chosen or (_asks_for_code(task) and not _asks_for_code(chosen[key])):
                chosen[key] = task
    return list(chosen.values())


def _probes(task: Mapping[str, Any], project: str) -> Iterator[Probe]:
    source = str(task["reference"])
    where = (task.get("about") or {}).get("static_set") or project
    try:
        whole = prefix_probe(source)
        twin = renamed_twin(source)
        changed = counterfactuals(source) if _asks_for_code(task) else ()
    except (ValueError, RecursionError):
        return  # not the text of one function, as a property with its setter may be
    if whole is not None:
        yield _continuation(Kind.PREFIX, task, where, whole)
    # Both by `ast.unparse` and cut at the same line, so that names are all that differs.
    cuts = (prefix_probe(twin.original), prefix_probe(twin.source)) if twin else (None, None)
    if cuts[0] and cuts[1] and cuts[0].given.count("\n") == cuts[1].given.count("\n"):
        yield _continuation(Kind.OWN_NAMES, task, where, cuts[0])
        yield _continuation(Kind.OTHER_NAMES, task, where, cuts[1])
    for each in sorted(changed, key=lambda each: not each.certain)[:1]:
        prompt = counterfactual_prompt(Prompt(**task["prompt"]), each.requirement)
        yield Probe(Kind.COUNTERFACTUAL, task, prompt, each.requirement, each.original)


def _continuation(kind: Kind, task: Mapping[str, Any], project: str, cut: PrefixProbe) -> Probe:
    return Probe(kind, task, continuation_prompt(project, cut.given), cut.given, cut.held_back)


def _asks_for_code(task: Mapping[str, Any]) -> bool:
    return task.get("category") == _GENERATION and isinstance(task.get("prompt"), Mapping)


def _function(task: Mapping[str, Any]) -> str:
    return str(task.get("function") or task.get("name") or task["id"])


def _name(source: str) -> str:
    (node,) = parse(source).body
    return node.name if isinstance(node, FunctionNode) else ""


def _definitions(answer: str, name: str) -> Iterator[str]:
    """The texts of the functions of this name in an answer, in classes as well."""
    text = without_thinking(answer)
    for block in blocks(text) if text else ():
        yield from _named(block.body, name)


def _named(body: Sequence[ast.stmt], name: str) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, FunctionNode) and statement.name == name:
            yield ast.unparse(statement)
        elif isinstance(statement, ast.ClassDef):
            yield from _named(statement.body, name)
