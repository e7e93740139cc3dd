"""Turns a run that has ended and what was demanded of it into one sentence and an exit code.

A gate may ask for rates (`--cereval-gate`), for no loss against an earlier run (`--cereval-baseline`), or for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cereval.errors import CerevalError, SettingsError
from pytest_cereval.results.store import Store

if TYPE_CHECKING:
    from pytest_cereval.statistics.gate import Changes


@dataclass(frozen=True, slots=True)
class Demand:
    """What is demanded. `rates` as `statistics.thresholds` reads them, `baseline` a run's id or STORE#RUN; either may
    be empty. `margin` is the loss against the baseline that is still accepted.
    """

    rates: str = ""
    baseline: str = ""
    margin: float = 0.05

    @property
    def is_any(self) -> bool:
        """Whether anything is demanded at all."""
        return bool(self.rates or self.baseline)


@dataclass(frozen=True, slots=True)
class Gated:
    """The gate's answer: a sentence, the exit code, and the items that differ from a baseline it was evaluated on."""

    sentence: str
    exit_code: int
    changes: Changes | None = None


def gated(demand: Demand, store: Store, store_path: Path, run_id: str, *, asked: int, tasks: int) -> Gated:
    """Hold a run against the demand. A run that asked only a part of its tasks is not evaluated, and does not pass.

    What cannot be compared is undecided, and the sentence says why.
    """
    from pytest_cereval.statistics.gate import ExitCode
    from pytest_cereval.statistics.noninferiority import Plan
    from pytest_cereval.statistics.rows import load
    from pytest_cereval.statistics.runs import gate_runs
    from pytest_cereval.statistics.stored import stored_run
    from pytest_cereval.statistics.thresholds import parse_thresholds

    if asked < tasks:
        return Gated(f"gate: not evaluated, {asked} of {tasks} tasks were asked", int(ExitCode.INCONCLUSIVE))
    try:
        before = [stored_run(demand.baseline, store_path, besides=run_id)] if demand.baseline else []
        found = gate_runs(
            before,
            [load(store, run_id)],
            Plan(margin=demand.margin),
            thresholds=parse_thresholds(demand.rates) if demand.rates else (),
        )
    except CerevalError as error:
        return Gated(f"gate: not evaluated, {' '.join(str(error).split())}", int(ExitCode.INCONCLUSIVE))
    parts = [*([found.result.sentence] if found.result else []), *(each.sentence for each in found.thresholds)]
    changes = found.result.changes if found.result else None
    return Gated(f"gate {found.verdict}: {' '.join(parts)}", int(found.exit_code), changes)


def check_demand(demand: Demand) -> None:
    """Raise `SettingsError` for a demand that cannot be read, before anything is asked."""
    from pytest_cereval.statistics.thresholds import parse_thresholds

    if demand.rates:
        parse_thresholds(demand.rates)
    if not 0 < demand.margin < 1:
        raise SettingsError(
            f"--cereval-margin={demand.margin}", next_step="give a loss in pass rate between 0 and 1, such as 0.05"
        )
