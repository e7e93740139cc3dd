"""The question, as data: what is asked, what it may be answered from, and what is known about its oracle."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_cereval.models.model import Prompt
from pytest_cereval.oracles.certificate import Certificate
from pytest_cereval.results.band import Band

FORMAT_VERSION = 2
ASKED = "Write `"
CONSTRAINTS = "\nConstraints:\n"
"""Where the part of a prompt that states the requirement begins and ends."""


class Category(enum.StrEnum):
    """What kind of work is asked for, as far as the package itself asks it; a `conftest.py` may add others by name."""

    CODE_GENERATION = "code_generation"
    CODE_UNDERSTANDING = "code_understanding"
    SECURITY_AUDIT = "security_audit"


def category_named(name: str) -> str:
    """The `Category` of this name, or the name itself where a `conftest.py` added it."""
    return _OURS.get(name, name)


def rank(category: str) -> tuple[int, str]:
    """Where a category stands among others: ours in their order, then those of a `conftest.py` by name."""
    return (list(_OURS).index(category) if category in _OURS else len(_OURS), category)


_OURS: dict[str, Category] = {each.value: each for each in Category}


class Requirement(enum.StrEnum):
    """Where the requirement comes from: the author's docstring, or context and examples alone."""

    DOCUMENTED = "documented"
    INFERRED = "inferred"


class Size(enum.StrEnum):
    """Statements of the reference's body, in three steps; one of the strata that a limit draws from."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"

    @classmethod
    def of(cls, statements: int) -> Size:
        """Up to 2 statements are small, up to 8 medium."""
        return cls.SMALL if statements <= 2 else cls.MEDIUM if statements <= 8 else cls.LARGE


@dataclass(frozen=True, slots=True)
class Task:
    """One question about one function.

    `name` is the function's, with a label in brackets where its category asks several questions about it. `band` is how
    hard the question is, `about` what a report may say of it and no model sees, and `control` tells that nothing is
    wrong with what is shown. `inputs` are digests of the hidden inputs, sorted; the inputs themselves lie in the oracle
    file that `id` names. `definition_line` is the line of `def` in the pinned file. `id` is a digest of everything that
    decides a verdict.
    """

    id: str
    name: str
    category: str
    path: str
    definition_line: int
    requirement: Requirement
    size: Size
    prompt: Prompt
    inputs: tuple[str, ...]
    certificate: Certificate
    function: str = ""
    band: Band = Band.STANDARD
    about: dict[str, Any] = field(default_factory=dict)
    control: bool = False

    @property
    def stratum(self) -> str:
        """Requirement and size, the strata of selection and report."""
        return f"{self.requirement} {self.size}"

    @property
    def requirement_text(self) -> str:
        """What the question asks for, without the code around it and the general constraints."""
        _, found, asked = self.prompt.user.rpartition(f"\n{ASKED}")
        return f"{ASKED}{asked.partition(CONSTRAINTS)[0]}".strip() if found else self.prompt.user

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {
            "format": FORMAT_VERSION,
            "id": self.id,
            "name": self.name,
            "category": str(self.category),
            "path": self.path,
            "definition_line": self.definition_line,
            "requirement": self.requirement.value,
            "size": self.size.value,
            "stratum": self.stratum,
            "prompt": asdict(self.prompt),
            "inputs": list(self.inputs),
            "certificate": self.certificate.to_dict(),
            "function": self.function,
            "band": self.band.value,
            "about": self.about,
            "control": self.control,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Task:
        """The inverse of `to_dict`; raises `ValueError` for another format."""
        if data["format"] != FORMAT_VERSION:
            raise ValueError(f"task format {data['format']}, known is {FORMAT_VERSION}")
        return cls(
            id=data["id"],
            name=data["name"],
            category=category_named(data["category"]),
            path=data["path"],
            definition_line=data["definition_line"],
            requirement=Requirement(data["requirement"]),
            size=Size(data["size"]),
            prompt=Prompt(**data["prompt"]),
            inputs=tuple(data["inputs"]),
            certificate=Certificate.from_dict(data["certificate"]),
            function=data["function"],
            band=Band(data["band"]),
            about=data["about"],
            control=data["control"],
        )


def task_id(*parts: Any) -> str:
    """The first 16 hex digits of a SHA-256 over the JSON of what decides a verdict."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
