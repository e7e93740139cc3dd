"""Turns the package's inner places into the one that a `conftest.py` imports from; what is named here stays.

Import it inside a hook: it loads what an evaluation needs, and a `conftest.py` is read in every run of pytest.
`pytest_cereval.categories.property` holds `Property` alone, and is light.
"""

from __future__ import annotations

from pytest_cereval.categories.category import Added as Category
from pytest_cereval.categories.category import Questions, Room, World
from pytest_cereval.categories.guarded import unfit
from pytest_cereval.categories.outcomes import Outcome
from pytest_cereval.categories.property import Property
from pytest_cereval.errors import CerevalError
from pytest_cereval.inside.plain import decode
from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.oracles.render import is_plain, render_call, render_observation
from pytest_cereval.results.band import Band
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.tasks.question import Question

__all__ = [
    "Band",
    "Category",
    "CerevalError",
    "Certified",
    "Judged",
    "Outcome",
    "Prompt",
    "Property",
    "Question",
    "Questions",
    "Room",
    "SourceFunction",
    "Verdict",
    "World",
    "decode",
    "is_plain",
    "render_call",
    "render_observation",
    "unfit",
]
