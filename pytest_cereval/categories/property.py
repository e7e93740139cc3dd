"""What a property is: something that a team demands of answers beyond what the function's recorded calls show.

A `conftest.py` makes subclasses of `Property` and returns objects of them from the hook `pytest_cereval_properties`.
This module is light, so that a `conftest.py` may import it in any run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_cereval.categories.outcomes import Outcome
    from pytest_cereval.source.functions import SourceFunction


class Property:
    """A demand on answers of `code_generation`. Give `name`, `version`, `says`, `applies`, `breaks`, and one of
    `reads` and `calls` with `holds`, or all three.

    name: small letters, digits and underscores. version: raised with any change of what is accepted.
    says: one sentence, which the question states among its constraints.
    """

    name: str = ""
    version: str = ""
    says: str = ""

    def applies(self, function: SourceFunction) -> bool:
        """Whether it is demanded of this function."""
        raise NotImplementedError

    def breaks(self, function: SourceFunction) -> str:
        """A definition of the function that does not have the property: the check must be seen to reject it."""
        raise NotImplementedError

    def reads(self, function: SourceFunction, code: str) -> str:
        """What is wrong with the text of a definition and what goes with it, in words; empty if nothing is.

        The text is a model's: parse it with `ast`, and never run or import it.
        """
        return ""

    def calls(self, function: SourceFunction) -> Sequence[Mapping[str, Any]]:
        """Calls to make as well: for each the arguments, by parameter, to put into a recorded call. Plain data only."""
        return ()

    def holds(self, function: SourceFunction, call: Mapping[str, Any], outcome: Outcome) -> str:
        """What is wrong with what one of `calls` did, in words; empty if nothing is. It must cope with any outcome."""
        return ""
