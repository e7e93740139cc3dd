"""Turns certified functions into a category's questions: from this commit's cache, from another's, or anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.categories.carried import shown_beside
from pytest_cereval.categories.category import Questions, World
from pytest_cereval.categories.registry import Registry
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.source.dependence import Dependence
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.certifying import is_ours
from pytest_cereval.tasks.outcomes import questions_dict, questions_from
from pytest_cereval.tasks.reuse import Reuse, Told


@dataclass(frozen=True, slots=True)
class Remembering:
    """One commit's questions, in `folder`. With `fresh` nothing is taken from there, but all is put there."""

    registry: Registry
    folder: Path
    reuse: Reuse
    dependence: Dependence
    fresh: bool = False

    def questions(self, category: str, world: World, items: Sequence[Certified]) -> Questions:
        """What the category asks about each item."""
        shaped_by = {
            "category": category,
            "hint": world.hint,
            "faults": world.per_function,
            "context": world.prompts.context_tokens,
            "by": self.registry.identities(category),
            "repository": world.surroundings.repository,
        }
        known = {item.function.name: self._known(item, category, world, shaped_by) for item in items}
        told: dict[str, Told] = {name: each for name, each in known.items() if each is not None}
        missing = [item for item in items if item.function.name not in told]
        made = self.registry.asked(category).questions(world, missing) if missing else {}
        for item in missing:
            name = item.function.name
            if name in made and not is_ours(made[name]):
                cache.save(self._file(item, shaped_by), questions_dict(made[name]))
                beside = shown_beside(category, item.function, world, self.dependence)
                if beside is not None:
                    self.reuse.keep_questions(item, shaped_by | {"beside": beside}, made[name])
        return {**told, **made}

    def _known(self, item: Certified, category: str, world: World, shaped_by: Mapping[str, Any]) -> Told | None:
        data = None if self.fresh else cache.load(self._file(item, shaped_by))
        if data is not None:
            return questions_from(data)
        beside = shown_beside(category, item.function, world, self.dependence)
        told = self.reuse.recall_questions(item, {**shaped_by, "beside": beside}) if beside is not None else None
        if told is not None:
            cache.save(self._file(item, shaped_by), questions_dict(told))
        return told

    def _file(self, item: Certified, shaped_by: Mapping[str, Any]) -> Path:
        return self.folder / "asked" / f"{cache.cache_key(name=item.function.name, **shaped_by)}.json"
