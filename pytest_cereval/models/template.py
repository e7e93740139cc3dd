"""Turns a prompt into the text a model was trained to read, cut in three: what comes before the user's
text, it, the rest.

The cut is where prefix reuse may start and where text of the repository under test begins, so that a source
file that contains `<|im_end|>` cannot end the turn. Templates come from the model file and run in Jinja's
sandbox.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jinja2
import jinja2.ext
import jinja2.sandbox

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import Prompt

# Some templates print today's date; prompts must not change overnight, so it is always this one, which is
# also what the Llama 3 templates fall back to.
_TEMPLATE_DATE = datetime.date(2024, 7, 26)
_TEMPLATE_FAULTS = (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered prompt: `head` and `tail` belong to the template, `body` is the user's text."""

    head: str
    body: str
    tail: str

    @property
    def text(self) -> str:
        return self.head + self.body + self.tail

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


Form = Callable[[Prompt, bool], Rendered]


def plain_form(prompt: Prompt, thinking: bool) -> Rendered:
    """The form for base models: the two texts with an empty line between them."""
    return Rendered(f"{prompt.system}\n\n" if prompt.system else "", prompt.user, "\n")


class ChatForm:
    """The form that a model's own chat template describes."""

    def __init__(self, template: str, *, bos: str, eos: str) -> None:
        self._marks = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = _environment().from_string(template)
        except jinja2.TemplateError as error:
            raise ModelError(
                f"the model's chat template does not compile: {error}",
                next_step="use another conversion of the model",
            ) from error

    def __call__(self, prompt: Prompt, thinking: bool) -> Rendered:
        """Render one prompt; raises `ModelError` when the template refuses it."""
        try:
            return self._cut(prompt, thinking, merged=False)
        except _TEMPLATE_FAULTS:
            # Templates such as Gemma's have no system role.
            try:
                return self._cut(prompt, thinking, merged=True)
            except _TEMPLATE_FAULTS as error:
                raise ModelError(
                    f"the model's chat template fails: {type(error).__name__}: {error}",
                    next_step="use another conversion of the model, or --cereval-plain-prompt",
                ) from error

    def _cut(self, prompt: Prompt, thinking: bool, *, merged: bool) -> Rendered:
        text = self._render(prompt.system, prompt.user, thinking, merged=merged)
        mark = "user-" + hashlib.sha256(f"{prompt.system}\0{prompt.user}".encode()).hexdigest()
        pieces = self._render(prompt.system, mark, thinking, merged=merged).split(mark)
        if len(pieces) == 2:
            head, tail = pieces
            for body in (prompt.user, prompt.user.strip()):
                if text == head + body + tail:
                    return Rendered(head, body, tail)
        return Rendered("", "", text)

    def _render(self, system: str, user: str, thinking: bool, *, merged: bool) -> str:
        messages = [{"role": "user", "content": user}]
        if merged:
            messages = [{"role": "user", "content": f"{system}\n\n{user}" if system else user}]
        elif system:
            messages.insert(0, {"role": "system", "content": system})
        return self._template.render(
            messages=messages,
            add_generation_prompt=True,
            enable_thinking=thinking,
            raise_exception=_raise_exception,
            strftime_now=_TEMPLATE_DATE.strftime,
            **self._marks,
        )


class _GenerationTags(jinja2.ext.Extension):
    """Lets `{% generation %}` blocks through, which mark training text in some templates."""

    tags = {"generation"}  # noqa: RUF012 (the name and kind of attribute that Jinja reads)

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        parser.stream.skip(1)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> jinja2.sandbox.ImmutableSandboxedEnvironment:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTags, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    return environment


def _tojson(value: Any, indent: int | None = None) -> str:
    # Jinja's own filter escapes for HTML, which models have never seen.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)
