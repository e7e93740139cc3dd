"""Lets the judge judge the reference itself, so that no task is asked that a right answer cannot pass.

What certification sees of the reference and what a candidate's worker sees differ: there all modules are imported,
here only the function's own. A function for which that matters is no task.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from pytest_cereval.errors import CerevalError
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import reference_as_candidate
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle, Terms
from pytest_cereval.oracles.warm import workers_for
from pytest_cereval.source.ledger import LedgerEntry, Reason


class Judging(NamedTuple):
    """How candidates will be judged: what is hidden from them, and which installed modules they need."""

    setting: Setting
    hidden: tuple[str, ...]
    needed: tuple[str, ...]


def confirm(
    judging: Judging,
    items: Sequence[Certified],
    *,
    workers: int = 1,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> list[Certified | LedgerEntry]:
    """Each item, or a ledger entry in its place if its own text does not pass. Those without hidden calls are left."""
    setting = judging.setting
    started = workers_for(setting, judging.hidden, judging.needed)
    oracle = RecordedCallOracle(JudgeSetting(setting, hidden=judging.hidden), started)

    def outcome(item: Certified) -> Certified | LedgerEntry:
        function = item.function
        candidate = reference_as_candidate(setting.checkout.runtime, function)
        certificate = item.certificate
        terms = Terms(item.core, certificate.equality, certificate.seed, shrink=False)
        place = (function.name, function.path, function.def_line)
        try:
            found = oracle.judge(function, item.hidden, candidate, terms)
        except CerevalError as error:
            return LedgerEntry(*place, Reason.INTERNAL, error.what)
        item = replace(item, events=tuple(found.evidence["events"]))
        return item if found.verdict.is_pass else LedgerEntry(*place, Reason.BROKEN_PIPELINE, found.detail[:300])

    results: list[Certified | LedgerEntry] = []
    with contextlib.closing(started), ThreadPoolExecutor(max(1, workers)) as pool:
        judged = [item for item in items if item.hidden]
        waiting = {item.function.name: pool.submit(outcome, item) for item in judged}
        for item in items:
            future = waiting.get(item.function.name)
            results.append(future.result() if future is not None else item)
            progress("confirm", len(results), len(items))
    return results
