"""Turns the scores of several models on the same items into what may be said of the items, and no more.

How much that is depends on how many models there are. One model: nothing, and its samples are no respondents. Two to
four, or more with few samples: how far items separate them. From five models with five samples on: item-rest
correlation, with which an item is flagged only where even the upper bound is negative. Anchors, such as a reference or
a stub, are no models: beside them every item looks discriminating.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cereval.results.statistics import CONFIDENCE, wilson
from pytest_cereval.statistics.chance import resamples
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.samples import Item
from pytest_cereval.statistics.text import counted, percent

MODELS_FOR_CORRELATION = 5
SAMPLES_FOR_CORRELATION = 5
MODELS_FOR_TABLES = 30
DRAWS = 1000


class Rung(enum.StrEnum):
    """What may be said of single items."""

    NONE = "none"
    SEPARATION = "separation"
    ITEM_REST = "item-rest correlation"


@dataclass(frozen=True, slots=True)
class Separation(Record):
    """The two models furthest apart on an item. low, high: of their difference, None with one sample of the item."""

    item: str
    higher: str
    lower: str
    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ItemRest(Record):
    """How an item goes with the rest: `r` is None where all models do alike. `flagged`: look for a wrong key."""

    item: str
    share: float
    r: float | None
    low: float | None
    high: float | None
    flagged: bool


@dataclass(frozen=True, slots=True)
class Discrimination(Record):
    """Item statistics on the items that every model has a score on; `items` of them.

    saturated, dead: items on which every sample of every model passes, or none. separated: the share of items on which
    some two models differ. separations: these items, the widest apart first. kr20: internal consistency.
    """

    rung: Rung
    models: tuple[str, ...]
    families: int
    samples: int
    items: int
    saturated: tuple[str, ...]
    dead: tuple[str, ...]
    separated: float | None
    separations: tuple[Separation, ...]
    correlations: tuple[ItemRest, ...]
    mean_item_rest: float | None
    kr20: float | None
    sentence: str


def discrimination(
    models: Mapping[str, Sequence[Item]], families: Mapping[str, str] | None = None, *, seed: int = 0
) -> Discrimination:
    """Item statistics as far as the number of models allows.

    `families` names the family of a model; sizes and quantisations of one family are correlated, so bounds resample
    families. Models without a family are their own.
    """
    common = _common(models)
    names = tuple(models)
    matrix = [[models_items[item].score or 0.0 for item in common] for models_items in _by_id(models).values()]
    labels = [_by_id(models)[names[0]][item].label for item in common] if names else []
    samples = min((_by_id(models)[name][item].samples for name in names for item in common), default=0)
    kin = [(families or {}).get(name, name) for name in names]
    rung = _rung(len(names), samples)
    columns = list(zip(*matrix, strict=True))
    separations = _separations(models, common) if rung is not Rung.NONE else ()
    correlations = _correlations(matrix, labels, kin, seed) if rung is Rung.ITEM_REST else ()
    known = [each.r for each in correlations if each.r is not None]
    separated = len(separations) / len(common) if common and rung is not Rung.NONE else None
    single = rung is Rung.NONE and samples < 2
    return Discrimination(
        rung=rung,
        models=names,
        families=len(set(kin)),
        samples=samples,
        items=len(common),
        saturated=() if single else tuple(n for n, c in zip(labels, columns, strict=True) if min(c) == 1),
        dead=() if single else tuple(n for n, c in zip(labels, columns, strict=True) if max(c) == 0),
        separated=separated,
        separations=separations,
        correlations=correlations,
        mean_item_rest=math.fsum(known) / len(known) if known else None,
        kr20=kr20(matrix) if rung is Rung.ITEM_REST else None,
        sentence=_sentence(rung, names, len(set(kin)), samples, len(common), separated, correlations),
    )


def item_rest(matrix: Sequence[Sequence[float]]) -> list[float | None]:
    """The correlation of each item (column) with the sum of the others over models (rows); None without spread."""
    return [_number(each) for each in _item_rest(matrix)]


def kr20(matrix: Sequence[Sequence[float]]) -> float | None:
    """Kuder and Richardson's formula 20, from p(1-p) of each item; None below two items or without spread."""
    totals = [math.fsum(row) for row in matrix]
    items = len(matrix[0]) if matrix else 0
    centre = math.fsum(totals) / len(totals) if totals else 0.0
    spread = math.fsum((total - centre) ** 2 for total in totals) / len(totals) if totals else 0.0
    if items < 2 or spread <= 0:
        return None
    shares = [math.fsum(column) / len(matrix) for column in zip(*matrix, strict=True)]
    return items / (items - 1) * (1 - math.fsum(p * (1 - p) for p in shares) / spread)


def _rung(models: int, samples: int) -> Rung:
    if models < 2:
        return Rung.NONE
    enough = models >= MODELS_FOR_TABLES or (models >= MODELS_FOR_CORRELATION and samples >= SAMPLES_FOR_CORRELATION)
    return Rung.ITEM_REST if enough else Rung.SEPARATION


def _by_id(models: Mapping[str, Sequence[Item]]) -> dict[str, dict[str, Item]]:
    return {name: {item.id: item for item in items} for name, items in models.items()}


def _common(models: Mapping[str, Sequence[Item]]) -> list[str]:
    """Items with a score of every model, in order of the first."""
    scored = [{item.id: None for item in items if item.passes} for items in models.values()]
    return [item for item in scored[0] if all(item in other for other in scored)] if scored else []


def _separations(models: Mapping[str, Sequence[Item]], common: Sequence[str]) -> tuple[Separation, ...]:
    known = _by_id(models)
    found = []
    for item in common:
        ranked = sorted(models, key=lambda name: -(known[name][item].score or 0.0))
        high, low = known[ranked[0]][item], known[ranked[-1]][item]
        gap = (high.score or 0.0) - (low.score or 0.0)
        if gap > 0:
            bounds = _newcombe(high, low)
            found.append(Separation(high.label, ranked[0], ranked[-1], gap, *bounds))
    return tuple(sorted(found, key=lambda each: (-each.difference, each.item)))


def _newcombe(high: Item, low: Item) -> tuple[float | None, float | None]:
    """The hybrid score interval of two independent rates (Newcombe 1998), optimistic for the widest of pairs."""
    if min(high.samples, low.samples) < 2:
        return None, None
    first, second = (wilson(sum(each.passes), each.samples) for each in (high, low))
    p, q = high.score or 0.0, low.score or 0.0
    return p - q - math.hypot(p - first[0], second[1] - q), p - q + math.hypot(first[1] - p, q - second[0])


def _item_rest(matrix: Any) -> Any:
    import numpy as np

    scores = np.asarray(matrix, dtype=float)
    rest = scores.sum(axis=1, keepdims=True) - scores
    own, other = scores - scores.mean(axis=0), rest - rest.mean(axis=0)
    spread = np.sqrt((own**2).sum(axis=0) * (other**2).sum(axis=0))
    return np.where(spread > 1e-12, (own * other).sum(axis=0) / np.where(spread > 1e-12, spread, 1.0), np.nan)


def _correlations(
    matrix: Sequence[Sequence[float]], labels: Sequence[str], families: Sequence[str], seed: int
) -> tuple[ItemRest, ...]:
    """With bounds from resampling families; draws in which an item has no spread tell nothing of it."""
    import numpy as np

    scores = np.asarray(matrix, dtype=float)
    members = [[row for row, name in enumerate(families) if name == family] for family in dict.fromkeys(families)]
    drawn = []
    for chosen in resamples(len(members), DRAWS, seed):
        rows = list(itertools.chain.from_iterable(members[index] for index in chosen))
        drawn.append(_item_rest(scores[rows]))
    tail = (1 - CONFIDENCE) / 2
    found = []
    for column, (label, r, draws) in enumerate(zip(labels, _item_rest(scores), np.array(drawn).T, strict=True)):
        known = draws[~np.isnan(draws)]
        enough = len(known) > DRAWS // 2 and not np.isnan(r)
        low, high = np.quantile(known, [tail, 1 - tail]) if enough else (np.nan, np.nan)
        share = float(scores[:, column].mean())
        found.append(ItemRest(label, share, _number(r), _number(low), _number(high), bool(high < 0)))
    return tuple(found)


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


def _sentence(
    rung: Rung,
    names: Sequence[str],
    families: int,
    samples: int,
    items: int,
    separated: float | None,
    correlations: Sequence[ItemRest],
) -> str:
    if not names or not items:
        return "There is no item that every model has a score on, so nothing is said of items."
    if rung is Rung.NONE:
        return "One model: no discrimination of items can be given; its samples are not respondents."
    head = f"{counted(len(names), 'model')} of {counted(families, 'family')}, {counted(samples, 'sample')} per item"
    if rung is Rung.SEPARATION:
        return f"{head}: separation only. Some two models differ on {percent(separated)} of {counted(items, 'item')}."
    flagged = sum(each.flagged for each in correlations)
    return f"{head}: item-rest correlation of {counted(items, 'item')}, {flagged} flagged as surely negative."
