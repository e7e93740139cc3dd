"""Turns a question into one whose answer is kept to a JSON schema while the model writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_cereval.tasks.question import Question


def constrained(question: Question, schema: Mapping[str, Any] | None) -> Question:
    """The question with the schema, and with words for it; unchanged where its category has no parts to keep apart."""
    if schema is None:
        return question
    prompt = question.prompt
    told = (
        "The answer is one JSON object, which replaces any other format named above, with the fields "
        f"{', '.join(f'`{name}`' for name in schema['properties'])}; code in it is plain text, without fences."
    )
    text = json.dumps(schema, sort_keys=True)
    return replace(question, prompt=replace(prompt, system=f"{prompt.system}\n\n{told}", schema=text))
