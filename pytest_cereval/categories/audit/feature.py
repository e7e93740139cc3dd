"""What the catalogue consists of: a small feature as somebody might add it to a function, once weak and once safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_cereval.results.band import Band

SINK = "  #!"
"""Ends the lines that an answer may point at; nobody sees the mark."""


@dataclass(frozen=True, slots=True)
class Code:
    """Text to add: `imports` at the top of the file, `setup` before the function's place at top level, `body` in the
    function.

    `@value@` is the attacker's text. Other words between `@` are names, chosen by a seed: `@app@` and `@APP@` are the
    package's, `@hex@` is some digits.
    """

    imports: tuple[str, ...]
    body: str
    setup: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """One entry of the catalogue.

    band: how hard the weak one is to find, by construction.
    payload: Python that makes the text `payload` from `canary`, for the reference exploit; empty where a class is only
        to be identified.
    detector: how the sink is seen, see `inside.sinks.Sinks`.
    """

    cwe: int
    band: Band
    weak: Code
    safe: Code
    payload: str = ""
    detector: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identify_only(self) -> bool:
        """Whether there is nothing to exploit in a sandbox."""
        return not self.payload


FIXES = {
    22: "resolve the path and check that it lies below the folder",
    78: "no shell, or quote the argument",
    89: "bind the value as a parameter",
    95: "parse data as data",
    134: "keep the template constant and pass the text as an argument",
    208: "compare in constant time",
    377: "let tempfile choose and open the file",
    502: "use a format that holds data only",
    776: "refuse document type declarations",
    798: "read the credential from the environment",
    918: "compare the parsed host with a list of hosts",
    1333: "write the expression without nested repeats",
}
"""By CWE id, the class of fix."""
