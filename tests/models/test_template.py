"""How prompts become the text a model was trained to read."""

from __future__ import annotations

import pytest

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import Prompt
from pytest_cereval.models.template import ChatForm, Rendered, plain_form
from tests.tiny_gguf import CHAT_TEMPLATE

PROMPT = Prompt(system="Be exact.", user="  Sort.\n")


def _form(template: str) -> ChatForm:
    return ChatForm(template, bos="<s>", eos="</s>")


def test_the_template_is_cut_around_the_users_text() -> None:
    assert _form(CHAT_TEMPLATE)(PROMPT, False) == Rendered(
        head="<|im_start|>system\nBe exact.<|im_end|>\n<|im_start|>user\n",
        body="  Sort.\n",
        tail="<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    )


def test_thinking_is_passed_to_the_template() -> None:
    assert _form(CHAT_TEMPLATE)(PROMPT, True).tail.endswith("<think>\n")


def test_an_empty_system_text_makes_no_system_turn() -> None:
    assert "system" not in _form(CHAT_TEMPLATE)(Prompt("", "Sort."), False).text


def test_a_template_that_strips_the_users_text_is_cut_all_the_same() -> None:
    rendered = _form("[INST] {{ messages[-1].content | trim }} [/INST]")(PROMPT, False)
    assert rendered == Rendered("[INST] ", "Sort.", " [/INST]")


def test_a_template_that_repeats_the_users_text_is_not_cut() -> None:
    rendered = _form("{{ messages[-1].content }}|{{ messages[-1].content }}")(Prompt("", "x"), False)
    assert rendered == Rendered("", "", "x|x")


def test_a_template_without_a_system_role_gets_both_texts_in_the_users_turn() -> None:
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "<u>{{ messages[0].content }}</u>"
    )
    assert _form(template)(Prompt("Be exact.", "Sort."), False) == Rendered("<u>Be exact.\n\n", "Sort.", "</u>")


def test_a_template_that_always_fails_is_a_model_error_with_its_words() -> None:
    with pytest.raises(ModelError, match=r"chat template fails: TemplateError: never(.|\n)*--cereval-plain-prompt"):
        _form("{{ raise_exception('never') }}")(PROMPT, False)


def test_a_template_that_does_not_compile_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="does not compile: unexpected"):
        _form("{{ ( }}")


def test_a_template_cannot_reach_out_of_its_sandbox() -> None:
    with pytest.raises(ModelError, match="SecurityError"):
        _form("{{ messages.__class__.__mro__ }}")(PROMPT, False)


def test_a_template_sees_the_same_date_every_day() -> None:
    assert _form("{{ strftime_now('%d %b %Y') }}")(PROMPT, False).text == "26 Jul 2024"


def test_templates_may_use_what_other_renderers_offer() -> None:
    template = (
        "{{ bos_token }}{% generation %}{% for m in messages %}{% if loop.last %}{% break %}{% endif %}"
        "{{ {'a': m.content} | tojson }}{% endfor %}{% endgeneration %}{{ eos_token }}"
    )
    assert _form(template)(Prompt("<é>", "x"), False).text == '<s>{"a": "<é>"}</s>'


def test_the_plain_form_is_two_texts_with_an_empty_line_between() -> None:
    assert plain_form(PROMPT, False) == Rendered("Be exact.\n\n", "  Sort.\n", "\n")
    assert plain_form(Prompt("", "x"), False).text == "x\n"
