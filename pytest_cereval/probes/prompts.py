"""Turns what a probe shows into the question that a model is asked; the texts stand in `templates/`."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import jinja2

from pytest_cereval.models.model import Prompt

CONSTRAINTS = "\nConstraints:\n"
"""Where the question of a `code_generation` task goes over into general constraints."""


def continuation(project: str, given: str) -> str:
    """Asks for the rest of a text that ends with a line."""
    return _environment().get_template("continuation.user.j2").render(project=project, given=given).strip() + "\n"


def continuation_prompt(project: str, given: str) -> Prompt:
    """As `continuation`, with the words before it."""
    return Prompt(_environment().get_template("probe.system.j2").render().strip(), continuation(project, given))


def counterfactual_prompt(question: Prompt, requirement: str) -> Prompt:
    """A task's own question with one requirement changed, said last before the constraints."""
    asked, found, constraints = question.user.rpartition(CONSTRAINTS)
    values = {
        "question": (asked if found else question.user).strip(),
        "requirement": requirement,
        "constraints": constraints.strip() if found else "",
    }
    return Prompt(question.system, _environment().get_template("counterfactual.user.j2").render(values).strip())


@functools.cache
def prompts_sha256() -> str:
    """A digest of the templates, names and contents in order of name."""
    folder = Path(__file__).parent / "templates"
    total = hashlib.sha256()
    for file in sorted(folder.glob("*.j2")):
        total.update(f"{file.name}\0".encode() + file.read_bytes())
    return total.hexdigest()


@functools.cache
def _environment() -> jinja2.Environment:
    # Prompts are plain text for a model; escaping would change the code. Reports escape what they show.
    return jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_cereval.probes"),
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
