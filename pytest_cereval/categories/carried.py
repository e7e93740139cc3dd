"""Says what questions about a function depend on beside its certificate, so that they can be taken over."""

from __future__ import annotations

from typing import Any

from pytest_cereval.categories.category import World
from pytest_cereval.categories.understanding.asking import Asker
from pytest_cereval.source.dependence import Dependence
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.mentions import names_in
from pytest_cereval.tasks.task import Category


def shown_beside(
    category: str, function: SourceFunction, world: World, dependence: Dependence
) -> dict[str, Any] | None:
    """What is shown and looked at, JSON builtins; None where that is not known, or costs nothing to make anew.

    A fault is planted and tried with the function's own inputs, so that what is run for it is watched; its prompt and
    what a linter says depend on the file. Exploits are run where nobody watches: all code counts for them.
    """
    around = world.surroundings
    if category == Category.CODE_UNDERSTANDING:
        prompt = Asker(function, world).prompt(function.source)
        own = {other.bare_name for other in around.functions.values()}
        return {
            "prompt": [prompt.system, prompt.user],
            "own": sorted(own & names_in(function.source)),
            "names": dependence.names_beside(function),
        }
    if category == Category.SECURITY_AUDIT:
        return {"code": dependence.everything, "line": function.def_line, "repository": around.repository}
    return None
