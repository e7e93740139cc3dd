"""Turns an item's attempts into the few facts that JUnit XML and other reports show as properties of a test."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_cereval.results.attempt import Attempt
from pytest_cereval.results.statistics import cost_of

Property = tuple[str, str | int]


def item_properties(task_id: str, category: str, band: str, attempts: Sequence[Attempt]) -> list[Property]:
    """Name and value of each, as `record_property` would add them; builtins only, since xdist carries nothing else.

    Of several samples the verdicts stand in their order, with spaces between; a class of failure is named once, and
    tokens are those of all completions together. What there is nothing to say of is left out.
    """
    verdicts = " ".join(each.verdict.value for each in attempts)
    failures = ", ".join(dict.fromkeys(each.failure.value for each in attempts if each.failure))
    cost = cost_of(attempts)
    told: list[Property] = [
        ("cereval_task", task_id),
        ("cereval_category", category),
        ("cereval_band", band),
        ("cereval_verdict", verdicts),
        ("cereval_failure", failures),
    ]
    if cost.completions:
        told += [
            ("cereval_prompt_tokens", cost.prompt_tokens),
            ("cereval_completion_tokens", cost.completion_tokens),
        ]
    return [(name, value) for name, value in told if value != ""]
