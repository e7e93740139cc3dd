"""Turns functions into certified ones and ledger entries: from this commit's cache, from another's, or anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.cases import Certified
from pytest_cereval.oracles.certify import Certification, Progress, certify_all
from pytest_cereval.oracles.confirm import Judging, confirm
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.recording import Recording
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.outcomes import outcome_dict, outcome_from
from pytest_cereval.tasks.reuse import Reuse
from pytest_cereval.tasks.sight import site_hidden


@dataclass(slots=True)
class Certifying:
    """One commit's outcomes, in `folder`; `loaded` and `needed` grow with what is learned of the reference.

    `eligible` are all functions that a task could be about.
    With `fresh` nothing is taken from the folder, but all is put there.
    """

    setting: Setting
    recording: Recording
    folder: Path
    eligible: Sequence[SourceFunction]
    packages: frozenset[str]
    reuse: Reuse
    workers: int
    progress: Progress
    fresh: bool = False
    loaded: frozenset[str] = field(default_factory=frozenset)
    needed: frozenset[str] = field(default_factory=frozenset)

    def outcomes(self, batch: Sequence[SourceFunction]) -> dict[str, Certified | LedgerEntry]:
        """What becomes of each function, by name."""
        outcomes: dict[str, Certified | LedgerEntry] = {}
        for function in batch:
            data = None if self.fresh else cache.load(self._file(function.name))
            if data is not None:
                outcomes[function.name] = outcome_from(data)
                self.loaded |= frozenset(data["loaded"])
                self.needed |= frozenset(data["needed"])
                if data["from"]:
                    self.reuse.certificates[function.name] = data["from"]
        unknown = [function for function in batch if function.name not in outcomes]
        if unknown:
            found = self._certified(unknown)
            outcomes |= {item.function.name: item for item in found.certified}
            outcomes |= {entry.function: entry for entry in found.ledger}
        return outcomes

    def judging(self) -> Judging:
        """How answers are judged, by what is known of the reference so far."""
        hidden = site_hidden(self.setting.interpreter, self.packages, self.loaded)
        return Judging(self.setting, hidden, tuple(sorted(self.needed)))

    def _certified(self, functions: Sequence[SourceFunction]) -> Certification:
        found = certify_all(
            self.setting,
            functions,
            self.recording,
            workers=self.workers,
            progress=self.progress,
            recall=self.reuse.recall,
            eligible=self.eligible,
        )
        found = self._confirmed(found)
        self._remember(functions, found)
        return found

    def _confirmed(self, found: Certification) -> Certification:
        """Without what the judge would not pass in the reference's own words; that goes on the ledger."""
        self.loaded |= found.loaded_files
        self.needed |= found.needed
        new = [item for item in found.certified if item.function.name not in self.reuse.certificates]
        judged = confirm(self.judging(), new, workers=self.workers, progress=self.progress)
        by_name = dict(zip((item.function.name for item in new), judged, strict=True))
        outcomes = [by_name.get(item.function.name, item) for item in found.certified]
        passed = tuple(item for item in outcomes if isinstance(item, Certified))
        failed = tuple(item for item in outcomes if isinstance(item, LedgerEntry))
        return replace(found, certified=passed, ledger=(*found.ledger, *failed))

    def _remember(self, functions: Sequence[SourceFunction], found: Certification) -> None:
        by_name = {function.name: function for function in functions}
        common = {"loaded": sorted(found.loaded_files), "needed": sorted(found.needed)}
        outcomes: list[Certified | LedgerEntry] = [*found.certified, *found.ledger]
        for outcome in outcomes:
            name = outcome.function.name if isinstance(outcome, Certified) else outcome.function
            if is_ours(outcome):
                continue
            origin = self.reuse.certificates.get(name, "")
            cache.save(self._file(name), {**outcome_dict(outcome), **common, "from": origin})
            if not origin:
                self.reuse.keep(by_name[name], outcome, tested=name in found.tested)

    def _file(self, name: str) -> Path:
        return self.folder / f"{cache.cache_key(name=name)}.json"


def is_ours(outcome: object) -> bool:
    """Whether it tells of a fault of ours, which the next build may not meet again."""
    return isinstance(outcome, LedgerEntry) and outcome.reason is Reason.INTERNAL
