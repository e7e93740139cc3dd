"""Turns a candidate into what is said of it beside its verdict: invented dependencies, and patterns of unsafe code.

Nothing here decides anything. It runs while the judge waits for the candidate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_cereval.categories.audit.natural import findings_record
from pytest_cereval.categories.audit.screening import KEY as SCREENING
from pytest_cereval.categories.audit.screening import screening
from pytest_cereval.dependencies.environment import Environment
from pytest_cereval.dependencies.findings import Dependencies, dependencies_of
from pytest_cereval.errors import CerevalError
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.source.repository import Checkout
from pytest_cereval.tasks.suite import TaskOracle

DEPENDENCIES = "dependencies"
"""Key of evidence for what an answer imports, and whether it exists."""


@dataclass(frozen=True, slots=True)
class Surveyor:
    """Knows the target environment; one for a whole run. `screens` says whether Bandit is asked as well."""

    environment: Environment
    screens: bool = True

    def survey(self, candidate: Candidate, oracle: TaskOracle, checkout: Checkout, original: str) -> dict[str, Any]:
        """Evidence by key; never raises, since a verdict must not depend on it."""
        try:
            world = self.environment.world(checkout, oracle.import_roots, oracle.site_hidden)
            found = dependencies_of(candidate.taken, original, oracle.function, world).to_dict()
        except CerevalError as error:
            found = Dependencies(problem=error.what).to_dict()
        told: dict[str, Any] = {DEPENDENCIES: found}
        if self.screens:
            told[SCREENING] = screening(candidate.source, original)
        return told

    def natural(self, checkout: Checkout) -> dict[str, Any]:
        """What is suspected in a repository as it stands, for its record; `problem` where nothing was looked for."""
        if not self.screens:
            return {"problem": "not looked for: answers are not screened either"}
        return findings_record(checkout, self.environment.cache_folder)
