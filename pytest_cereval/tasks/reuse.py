"""Takes over certificates and questions of an earlier commit where nothing that they depend on has changed.

The key of a function's result is what is known before: its text, its recorded calls and what the reference does on
them, how results are looked at, settings, interpreter, packages and our own code. With the result it is kept which
functions were run for it, so that at another commit the text of those can be compared. What stands on the repository's
own tests depends on all code, and on every file that the tests opened.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_cereval.oracles.algebra import partner_of
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.borrowing import entries_of, lent_to
from pytest_cereval.oracles.by_tests import tests_may_end, was_called
from pytest_cereval.oracles.cases import Case, Certified
from pytest_cereval.oracles.certificate import Certificate
from pytest_cereval.oracles.traced import Traced
from pytest_cereval.source.dependence import Dependence
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import LedgerEntry, Reason
from pytest_cereval.source.pickled import Held, held_in, normal
from pytest_cereval.source.recording import Recording
from pytest_cereval.tasks import cache
from pytest_cereval.tasks.kept import Kept, KeptResults
from pytest_cereval.tasks.outcomes import outcome_dict, outcome_from, questions_dict, questions_from
from pytest_cereval.tasks.question import Question

_PLACE = ("first_line", "def_line", "last_line")
_TOP = "/repo/"
"""Behind it comes a file's path in the checkout, wherever that lies in a sandbox."""
_LINE = re.compile(r"line (\d+)(?=: )")
_BY_CHANCE = (Reason.INTERNAL, Reason.CRASHED)
"""Reasons that say nothing lasting."""
Outcome = Certified | LedgerEntry
Told = tuple[Question, ...] | LedgerEntry


class Reuse:
    """What is known of the functions of one commit from others; `certificates` are the commits by function's name."""

    def __init__(
        self,
        setting: Setting,
        functions: Sequence[SourceFunction],
        recording: Recording,
        dependence: Dependence,
        results: KeptResults,
        basis: Mapping[str, Any],
    ) -> None:
        self._setting = setting
        # Functions lend to and undo each other only inside one file.
        self._beside: dict[str, list[SourceFunction]] = defaultdict(list)
        for function in functions:
            self._beside[function.module].append(function)
        self._recording = recording
        self._dependence = dependence
        self._results = results
        self._basis = dict(basis)
        self._keys: dict[str, str] = {}
        self._words: dict[str, frozenset[str]] = {}
        self._held: dict[bytes, Held] = {}
        self.certificates: dict[str, str] = {}

    def recall(self, case: Case) -> Outcome | None:
        """The outcome of an earlier commit, after a first look at the function's calls; None if there is none."""
        function = case.function
        key = self._keys[function.name] = cache.cache_key(**self._basis, **self._known_of(case))
        for each in (key, self._by_tests(key)):
            kept = self._results.find(each, functools.partial(self._depends, function))
            found = moved_to(function, outcome_from(kept.content)) if kept else None
            if kept and found is not None:
                self.certificates[function.name] = kept.commit
                return found
        return None

    def keep(self, function: SourceFunction, outcome: Outcome, *, tested: bool) -> None:
        """Keep an outcome that was found now; `tested` if the repository's tests had a part in it."""
        key = self._keys.get(function.name)
        if key is None or (isinstance(outcome, LedgerEntry) and outcome.reason in _BY_CHANCE):
            return
        self._keep(self._by_tests(key) if tested else key, function, outcome_dict(outcome))

    def recall_questions(self, item: Certified, shaped_by: Mapping[str, Any]) -> Told | None:
        """What a category asked about the same certified function; `shaped_by` is all that else decides it."""
        kept = self._results.find(self._asked(item, shaped_by), functools.partial(self._depends, item.function))
        if kept is None:
            return None
        told = questions_from(kept.content)
        return _moved(item.function, told) if isinstance(told, LedgerEntry) else told

    def keep_questions(self, item: Certified, shaped_by: Mapping[str, Any], told: Told) -> None:
        """Keep what is asked."""
        if not isinstance(told, LedgerEntry) or told.reason not in _BY_CHANCE:
            self._keep(self._asked(item, shaped_by), item.function, questions_dict(told))

    def _keep(self, key: str, function: SourceFunction, content: dict[str, Any]) -> None:
        names = [each.name for each in (function, self._partner(function)) if each]
        ran = self._dependence.places(self._traced.of(*names))
        depends = self._depends(function, ran)
        if depends is not None:
            commit = self._setting.checkout.revision.commit
            self._results.keep(key, Kept(content, commit), ran, depends)

    @property
    def _traced(self) -> Traced:
        return self._setting.traced or Traced(())

    def _depends(self, function: SourceFunction, ran: Sequence[str]) -> str | None:
        if function.name not in self._words:
            calls = self._calls(function)
            self._words[function.name] = frozenset().union(*(self._of(call).words for call in calls))
        return self._dependence.of(function, ran, self._words[function.name])

    def _known_of(self, case: Case) -> dict[str, Any]:
        """What decides an outcome, as far as it is known once the calls have been looked at."""
        function, setting = case.function, self._setting
        partner = self._partner(function)
        refused = case.outcome if isinstance(case.outcome, LedgerEntry) else None
        return {
            "function": _identity(function),
            "module": setting.modules.get(function.name, ""),
            "roots": sorted(setting.import_roots),
            "view": setting.view,
            "ordered": function.name in setting.ordered,
            "data": self._data,
            "acting": self._dependence.acting([file.partition(_TOP)[2] for file in case.files]),
            "looked": [
                [
                    each.digest,
                    each.behaviour,
                    each.rough,
                    each.outcome,
                    each.printed,
                    each.changed,
                    *self._made(each.entry),
                ]
                for each in case.inputs
            ],
            "tests": [tests_may_end(self._recording), was_called(self._recording, function)],
            "refused": [refused.reason.value, refused.detail] if refused else [],
            "lent": [[self._made(one), self._made(other)] for one, other in self._lent(function)],
            "partner": [_identity(partner), [self._made(entry) for entry in self._own(partner)]] if partner else [],
        }

    def _by_tests(self, key: str) -> str:
        return cache.cache_key(key=key, tests=self._all_code)

    def _asked(self, item: Certified, shaped_by: Mapping[str, Any]) -> str:
        certificate = _shifted(item.certificate, -item.function.def_line)
        return cache.cache_key(
            **self._basis,
            function=_identity(item.function),
            data=self._data,
            certificate=certificate.to_dict(),
            inputs=[each.digest for each in (*item.visible, *item.hidden)],
            core=item.core,
            tests=[item.tests.to_dict(), self._all_code] if item.tests else [],
            events=list(item.events),
            view=self._setting.view,
            asked=dict(shaped_by),
        )

    def _partner(self, function: SourceFunction) -> SourceFunction | None:
        return partner_of(function, self._beside[function.module])

    def _lent(self, function: SourceFunction) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return lent_to(function, self._beside[function.module], self._recording)

    def _made(self, entry: Mapping[str, Any]) -> list[str]:
        """Digests of the pickles that an entry is made of, and how it borrows."""
        borrow = dict(entry.get("borrow", {}))
        calls = [entry["call"], *([borrow.pop("value_of")] if borrow.get("value_of") else [])]
        return [*(self._of(base64.b64decode(call)).content for call in calls), cache.cache_key(borrow=borrow)]

    def _calls(self, function: SourceFunction) -> Iterable[bytes]:
        """All pickles that may take part in inputs of a function."""
        lent = [entry for pair in self._lent(function) for entry in pair]
        own = [entry for each in filter(None, (function, self._partner(function))) for entry in self._own(each)]
        for entry in [*own, *lent]:
            yield base64.b64decode(entry["call"])
            if entry.get("borrow", {}).get("value_of"):
                yield base64.b64decode(entry["borrow"]["value_of"])

    def _own(self, function: SourceFunction) -> list[dict[str, Any]]:
        found = entries_of(function, self._beside[function.module], self._recording)
        return [entry for each in found for entry in each]

    def _of(self, call: bytes) -> Held:
        key = normal(call)
        if key not in self._held:
            self._held[key] = held_in(key)
        return self._held[key]

    @functools.cached_property
    def _data(self) -> str:
        """See `data_digest`."""
        return data_digest(self._setting.checkout.full, self._recording.opened)

    @functools.cached_property
    def _all_code(self) -> str:
        """A digest of all Python files, tests included."""
        top = self._setting.checkout.full
        told = [(path.relative_to(top).as_posix(), _sha256(path)) for path in _files(top) if path.suffix == ".py"]
        return cache.cache_key(files=told)


def reused_text(reused: Mapping[str, str]) -> str:
    """What was taken over and from where, in words; empty where nothing was."""
    commits = Counter(reused.values())
    told = ", ".join(f"{count} from {commit[:10]}" for commit, count in commits.most_common())
    functions = f"{len(reused)} function{'s' if len(reused) != 1 else ''}"
    return f"of {functions} taken over from earlier commits: {told}" if reused else ""


def data_digest(top: Path, opened: Collection[str] | None) -> str:
    """A digest of the names of all files but Python's, and of what those hold that were opened, all if that is None.

    A Python file counts only if it was opened otherwise than to import it.
    """
    files = {path.relative_to(top).as_posix(): path for path in _files(top)}
    files = {name: path for name, path in files.items() if path.suffix != ".py" or name in (opened or ())}
    told = {name: _sha256(path) if opened is None or name in opened else "" for name, path in files.items()}
    return cache.cache_key(files=told)


def moved_to(function: SourceFunction, outcome: Outcome) -> Outcome | None:
    """An outcome for the same function, at the lines where it stands now; None where they cannot be told."""
    if isinstance(outcome, Certified):
        by = function.def_line - outcome.function.def_line
        return replace(outcome, function=function, certificate=_shifted(outcome.certificate, by))
    return _moved(function, outcome)


def _moved(function: SourceFunction, entry: LedgerEntry) -> LedgerEntry | None:
    if entry.line != function.def_line and _LINE.search(entry.detail):
        return None
    return replace(entry, line=function.def_line)


def _shifted(certificate: Certificate, by: int) -> Certificate:
    def shifted(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_LINE.sub(lambda found: f"line {int(found[1]) + by}", text, count=1) for text in texts)

    return replace(certificate, killed=shifted(certificate.killed), survivors=shifted(certificate.survivors))


def _identity(function: SourceFunction) -> dict[str, Any]:
    return {name: value for name, value in function.to_dict().items() if name not in _PLACE}


def _files(top: Path) -> list[Path]:
    return sorted(path for path in top.rglob("*") if path.is_file() or path.is_symlink())


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return f"not readable, {path.is_symlink()}"
