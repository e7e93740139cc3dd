"""Turns a category of a `conftest.py` into one that the rest of the package can rely on.

Whatever its code raises or returns that it may not becomes an `ExtensionError` with the category's name: while
questions are made it ends the build, while an answer is judged it leaves an attempt without verdict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_cereval.categories.category import Added, Questions, Room, World
from pytest_cereval.categories.identity import CORRECT, Identity, failure, shown
from pytest_cereval.errors import CerevalError, ExtensionError
from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.oracles.replies import safe
from pytest_cereval.results.band import Band
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.tasks.question import Question

EXTENSION = "extension"
"""Key of what a judge knows: the identity of the category that made the question."""
_NO_VERDICTS = (Verdict.INVALID, Verdict.UNCONFIRMED)  # a fault of ours, and what is in no rate


@dataclass(frozen=True, slots=True)
class Guarded:
    """See `category.Asked`."""

    made: Added
    identity: Identity

    def questions(self, world: World, items: Sequence[Certified]) -> Questions:
        """As the category gives them, each checked and marked with who made it."""
        if not items:
            return {}
        told = self._asked("questions", world, items)
        if not isinstance(told, Mapping) or set(told) != {item.function.name for item in items}:
            raise self._wrong(
                f"gives {shown(told)} for {len(items)} functions",
                "let `questions` give a mapping with an entry for the name of each function",
            )
        return {item.function.name: self._checked(item, told[item.function.name]) for item in items}

    def schema(self) -> dict[str, Any] | None:
        """None where the category has no such method."""
        if not hasattr(self.made, "schema"):
            return None
        schema = self._asked("schema")
        if schema is not None and not (isinstance(schema, dict) and isinstance(schema.get("properties"), dict)):
            raise self._wrong(f"gives {shown(schema)} from `schema`", "give a JSON schema of an object, or None")
        return schema

    def judge(self, room: Room, text: str) -> Judged:
        """As the category judges; raises `ExtensionError` where its code is another one than made the question."""
        made_by = room.oracle.planted.get(EXTENSION)
        if made_by != self.identity.to_dict():
            raise ExtensionError(
                f"the question was made by another {self.identity.kind} {self.identity.name!r} than is here",
                next_step="run again: the tasks are built anew with the category as it is now",
            )
        judged = self._asked("judge", room, text)
        if not isinstance(judged, Judged) or not isinstance(judged.verdict, Verdict) or judged.verdict in _NO_VERDICTS:
            raise self._wrong(f"gives {shown(judged)} from `judge`", "give a `Judged` with a verdict on the answer")
        if not (isinstance(judged.detail, str) and isinstance(judged.candidate, str) and _scores(judged.scores)):
            raise self._wrong(f"gives a verdict with odd parts: {shown(judged)}", "give texts, and scores as booleans")
        return replace(
            judged,
            detail=" ".join(safe(judged.detail).split()),
            candidate=safe(judged.candidate),
            evidence=self._json(judged.evidence, "evidence"),
            claimed=bool(judged.claimed),
        )

    def _checked(self, item: Certified, told: Any) -> tuple[Question, ...] | LedgerEntry:
        function = item.function
        if isinstance(told, LedgerEntry):
            if not isinstance(told.reason, Reason) or told.reason is Reason.INTERNAL:
                raise self._wrong(f"gives the reason {shown(told.reason)}", f"give {Reason.UNFIT} and a detail")
            detail = " ".join(str(told.detail).split())[:300]
            return LedgerEntry(function.name, function.path, function.def_line, told.reason, detail, self.identity.name)
        questions = (told,) if isinstance(told, Question) else told
        if not isinstance(questions, tuple | list) or not questions:
            raise self._wrong(
                f"gives {shown(told)} for {function.name}",
                "give questions, or a ledger entry that says why there are none (`unfit`)",
            )
        labels = [getattr(question, "label", None) for question in questions]
        if len(set(map(str, labels))) < len(labels) or not all(map(_is_question, questions)):
            raise self._wrong(
                f"gives what are no questions for {function.name}: {shown(told)}",
                "give `Question` objects, each with a `Prompt`, a `Band` and a label of its own",
            )
        return tuple(self._marked(question) for question in questions)

    def _marked(self, question: Question) -> Question:
        planted = self._json(question.planted, "planted")
        if EXTENSION in planted:
            raise self._wrong(f"plants {EXTENSION!r}", "use another key")
        return replace(
            question,
            about=self._json(question.about, "about"),
            planted={**planted, EXTENSION: self.identity.to_dict()},
            control=bool(question.control),
        )

    def _json(self, content: Any, what: str) -> dict[str, Any]:
        try:
            told = json.loads(json.dumps(content, allow_nan=False, ensure_ascii=False).encode())
        except (ValueError, TypeError, RecursionError):
            told = None
        if not isinstance(content, dict) or told != content:
            raise self._wrong(f"gives {shown(content)} as {what}", "give a dict of JSON builtins (lists, no tuples)")
        return content

    def _asked(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self.made, method)(*arguments)
        except CerevalError:
            raise
        except (Exception, SystemExit) as error:
            what = f"{self.identity.kind} {self.identity.name!r} failed in `{method}`: {failure(error)}"
            raise ExtensionError(what, next_step=CORRECT) from error

    def _wrong(self, what: str, next_step: str) -> ExtensionError:
        return ExtensionError(f"{self.identity.kind} {self.identity.name!r} {what}", next_step=next_step)


def unfit(item: Certified, detail: str) -> LedgerEntry:
    """Why a category of a `conftest.py` asks nothing about a function."""
    function = item.function
    return LedgerEntry(function.name, function.path, function.def_line, Reason.UNFIT, detail)


def _is_question(question: Any) -> bool:
    if not isinstance(question, Question) or not isinstance(question.band, Band):
        return False
    prompt, label = question.prompt, question.label
    texts = isinstance(prompt, Prompt) and isinstance(prompt.system, str) and isinstance(prompt.user, str)
    named = isinstance(label, str) and len(label) <= 60 and not set(label) & set("[]:/\\") and label.isprintable()
    return texts and named and bool(prompt.user.strip())


def _scores(scores: Any) -> bool:
    return isinstance(scores, dict) and all(type(key) is str and type(each) is bool for key, each in scores.items())
