"""Renders a `security_audit` question: a function in its file, which may be weak, with numbered lines."""

from __future__ import annotations

from pytest_cereval.categories.audit.exploiting import MAX_CALLS
from pytest_cereval.categories.audit.listing import listing
from pytest_cereval.inside.audited import CALL_CPU_S
from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.render import render_call
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.tasks.prompt import environment, receiver


def security_audit_prompt(
    source: str, function: SourceFunction, recorded: Input, repository: str, budget_tokens: int
) -> Prompt:
    """The question; it depends on the shown file alone, and nothing else in it tells weak from clean."""
    values = {
        "path": function.path,
        "repository": repository,
        "listing": listing(source, function, budget_tokens),
        "qualname": function.qualname,
        "role": function.role,
        "first": function.first_line,
        "last": function.last_line,
        "method": receiver(function),
        "calls": MAX_CALLS,
        "seconds": CALL_CPU_S,
        "example": render_call(function.bare_name, recorded.arguments, limit=300),
    }
    return Prompt(
        system=environment().get_template("security_audit.system.j2").render().strip(),
        user=environment().get_template("security_audit.user.j2").render(values).strip(),
    )
