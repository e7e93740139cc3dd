"""Turns runs of two models with different cutoffs on the same tasks into the straddle design of contamination (C1)."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_cereval.errors import SettingsError
from pytest_cereval.source.history.freshness import Arm, Cutoff, Freshness
from pytest_cereval.statistics.conditions import remarks, require_identical
from pytest_cereval.statistics.contamination import Dated, public_items, require_one_model
from pytest_cereval.statistics.effects import Effect
from pytest_cereval.statistics.noninferiority import pairs_of
from pytest_cereval.statistics.records import Record
from pytest_cereval.statistics.rows import require_distinct
from pytest_cereval.statistics.samples import Item
from pytest_cereval.statistics.straddle import Period, StraddleItem, beyond_public, placebo, straddle


@dataclass(frozen=True, slots=True)
class Gain(Record):
    """How both models do on one group of items; `group` is a period or a public set, `category` empty for all."""

    group: str
    category: str
    items: int
    old: float
    new: float


@dataclass(frozen=True, slots=True)
class Straddle(Record):
    """What the newer of two models gains where only it can have seen the code.

    elsewhere: items in a guard band, or changed after it; undated: items without a known history; unscored: items that
    lack a score of either model. All three are left out. gains: what the differences are made of, to see whether the
    newer model's gain is alike in all categories. public: the effect against each static set.
    """

    old: str
    new: str
    repositories: tuple[str, ...]
    cutoffs: tuple[str, str]
    guard_days: int
    between: int
    after: int
    before: int
    elsewhere: int
    undated: int
    unscored: int
    effect: Effect
    placebo: Effect
    public: tuple[Effect, ...]
    gains: tuple[Gain, ...]
    allowed: tuple[str, ...]
    remarks: tuple[str, ...]


def straddled(
    older: Sequence[Dated], newer: Sequence[Dated], cutoffs: tuple[Cutoff, Cutoff], *, allowed: Collection[str] = ()
) -> Straddle:
    """The straddle of runs of the model with the earlier cutoff and runs of the one with the later.

    Raises `SettingsError` for cutoffs in the wrong order, several models on one side, tasks that only one side has or
    one side has twice, or no dates; `NotComparable`, naming the field, where other conditions differ.
    """
    if cutoffs[1].day <= cutoffs[0].day:
        raise SettingsError(
            f"the newer model's cutoff {cutoffs[1].day} is not after the older's {cutoffs[0].day}",
            next_step="give runs of the model with the earlier cutoff first; with one cutoff nothing lies between",
        )
    old, new = require_one_model(older)[0], require_one_model(newer)[0]
    if older[0].run.weights and older[0].run.weights == newer[0].run.weights:
        raise SettingsError(
            f"both sides of the straddle are runs of {old}", next_step="give runs of two models with different cutoffs"
        )
    conditions = [each.run.conditions for each in (*older, *newer)]
    differing = require_identical(conditions, allowed)
    pairs = _own_pairs(older, newer)
    ages = {item.id: each.freshness(item.id) for each in older for item in each.run.items}
    if not any(ages[one.id] for one, _ in pairs):
        raise SettingsError(
            "no task of these runs knows when its function was written",
            next_step="run with --cereval-cutoff=DATE, which reads the history of the repository",
        )
    scored = [pair for pair in pairs if all(item.score is not None for item in pair)]
    placed = [(_period(ages[one.id], cutoffs), one, other) for one, other in scored]
    items = [_item(one, other, period, ages[one.id]) for period, one, other in placed if period is not None]
    public = _public(older, newer)
    return Straddle(
        old=old,
        new=new,
        repositories=tuple(dict.fromkeys(each.run.repository for each in older)),
        cutoffs=(cutoffs[0].day.isoformat(), cutoffs[1].day.isoformat()),
        guard_days=cutoffs[0].guard_days,
        between=sum(each.period is Period.BETWEEN for each in items),
        after=sum(each.period is Period.AFTER for each in items),
        before=sum(each.period is Period.BEFORE for each in items),
        elsewhere=sum(ages[one.id] is not None for _, one, _ in placed) - len(items),
        undated=sum(ages[one.id] is None for _, one, _ in placed),
        unscored=len(pairs) - len(scored),
        effect=straddle(items),
        placebo=placebo(items),
        public=tuple(beyond_public(items, found, name=f"straddle less {name}") for name, found in public.items()),
        gains=_gains(items, {one.id: one.category for one, _ in pairs}, public),
        allowed=differing,
        remarks=remarks(conditions),
    )


def _own_pairs(older: Sequence[Dated], newer: Sequence[Dated]) -> list[tuple[Item, Item]]:
    old, new = ([i for each in side for i in each.run.items if not each.static_set(i.id)] for side in (older, newer))
    for side in (old, new):
        require_distinct(side)
    return pairs_of(old, new)


def _period(freshness: Freshness | None, cutoffs: tuple[Cutoff, Cutoff]) -> Period | None:
    """None where there is no history, and where a function lies in a guard band or was changed across one."""
    if freshness is None:
        return None
    old, new = (cutoff.arm(freshness) for cutoff in cutoffs)
    known = {
        (Arm.STALE, Arm.STALE): Period.BEFORE,
        (Arm.FRESH, Arm.STALE): Period.BETWEEN,
        (Arm.FRESH, Arm.FRESH): Period.AFTER,
    }
    return known.get((old, new))


def _item(old: Item, new: Item, period: Period, freshness: Freshness | None = None) -> StraddleItem:
    return StraddleItem(
        id=old.id,
        period=period,
        old=old.score or 0.0,
        new=new.score or 0.0,
        repository=old.repository,
        function="\n".join((old.file, old.function)) if old.function else "",
        written=freshness.last_changed.isoformat() if freshness else "",
    )


def _public(older: Sequence[Dated], newer: Sequence[Dated]) -> dict[str, list[StraddleItem]]:
    """Items of public sets that both models have a score on."""
    after = {item.id: item for items in public_items(newer).values() for item in items}
    found = {}
    for name, items in public_items(older).items():
        pairs = [(one, after[one.id]) for one in items if one.id in after]
        scored = [(one, other) for one, other in pairs if one.score is not None and other.score is not None]
        found[name] = [_item(one, other, Period.BEFORE) for one, other in scored]
    return found


def _gains(
    items: Sequence[StraddleItem], categories: dict[str, str], public: dict[str, list[StraddleItem]]
) -> tuple[Gain, ...]:
    rows = []
    several = len({categories[each.id] for each in items}) > 1
    for period in Period:
        group = [each for each in items if each.period is period]
        names = sorted({categories[each.id] for each in group}) if several else []
        rows += [_gain(period.value, "", group)] if group else []
        rows += [_gain(period.value, name, [i for i in group if categories[i.id] == name]) for name in names]
    rows += [_gain(name, "", group) for name, group in public.items() if group]
    return tuple(rows)


def _gain(group: str, category: str, items: Sequence[StraddleItem]) -> Gain:
    old, new = (math.fsum(values) / len(items) for values in ([i.old for i in items], [i.new for i in items]))
    return Gain(group, category, len(items), old, new)
