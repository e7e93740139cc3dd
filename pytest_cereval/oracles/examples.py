"""Chooses which inputs a prompt shows; all others stay hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.render import ELLIPSIS, is_plain, render_call, render_observation

MAX_VISIBLE = 3
MAX_EXAMPLE_CHARACTERS = 300
_HIDDEN_PER_VISIBLE = 4
_MANY_OUTCOMES = 8


def split_inputs(name: str, inputs: Sequence[Input]) -> tuple[tuple[Input, ...], tuple[Input, ...]]:
    """(visible, hidden): the shortest readable examples, one of each outcome first, at most one in five inputs.

    Both parts are ordered by digest, so that nothing depends on the order of recording.
    """
    allowed = min(MAX_VISIBLE, len(inputs) // (_HIDDEN_PER_VISIBLE + 1))
    outcomes = Counter(_outcome(item) for item in inputs)
    readable = sorted((item for item in inputs if _is_readable(name, item)), key=lambda item: _length(name, item))
    chosen: list[Input] = []
    for distinct in (True, False):
        for item in readable:
            fresh = _outcome(item) not in {_outcome(other) for other in chosen}
            # The last example of an outcome stays hidden, or the oracle would be blind to it.
            spare = outcomes[_outcome(item)] > 1 or len(outcomes) > _MANY_OUTCOMES
            if len(chosen) < allowed and item not in chosen and spare and (fresh or not distinct):
                chosen.append(item)
                outcomes[_outcome(item)] -= 1
    hidden = [item for item in inputs if item not in chosen]
    return tuple(sorted(chosen, key=_order)), tuple(sorted(hidden, key=_order))


def example_lines(name: str, item: Input) -> str:
    """One example as two lines: the call, and what it does."""
    return f">>> {render_call(name, item.arguments)}\n{render_observation(item.observation)}"


def _outcome(item: Input) -> str:
    return render_observation(item.observation)


def _is_readable(name: str, item: Input) -> bool:
    text = example_lines(name, item)
    informative = item.observation["kind"] == "raised" or is_plain(item.observation["value"])
    return informative and len(text) <= MAX_EXAMPLE_CHARACTERS and ELLIPSIS not in text


def _length(name: str, item: Input) -> tuple[int, str]:
    return len(example_lines(name, item)), item.digest


def _order(item: Input) -> str:
    return item.digest
