"""Turns a checkout into all of its functions and the ledger entries that the text alone decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.source.files import evaluated_files
from pytest_cereval.source.functions import SourceFunction, extract_functions
from pytest_cereval.source.ledger import LedgerEntry, Reason


@dataclass(frozen=True, slots=True)
class Scan:
    """`functions` holds every function in order of path and line; `eligible` those that may become tasks."""

    functions: tuple[SourceFunction, ...]
    eligible: tuple[SourceFunction, ...]
    ledger: tuple[LedgerEntry, ...]

    @property
    def packages(self) -> frozenset[str]:
        """The top-level names under which the functions' modules are imported."""
        return frozenset(function.module.partition(".")[0] for function in self.functions)


def scan(tree: Path) -> Scan:
    """Read all evaluated files below `tree`; a file that does not parse is one ledger entry, not an error."""
    functions: list[SourceFunction] = []
    ledger: list[LedgerEntry] = []
    for path in evaluated_files(tree):
        try:
            functions += extract_functions(tree, path)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 0
            ledger.append(LedgerEntry("", path.as_posix(), line, Reason.UNPARSABLE, f"{type(error).__name__}: {error}"))
    eligible = []
    for function in functions:
        reason = _static_reason(function)
        if reason is None:
            eligible.append(function)
        else:
            ledger.append(LedgerEntry(function.name, function.path, function.def_line, reason))
    return Scan(tuple(functions), tuple(eligible), tuple(ledger))


def _static_reason(function: SourceFunction) -> Reason | None:
    if function.nested:
        return Reason.NESTED
    if function.is_trivial:
        return Reason.TRIVIAL
    if any(name.rpartition(".")[2] == "overload" for name in function.decorators):
        return Reason.SHADOWED
    return None
