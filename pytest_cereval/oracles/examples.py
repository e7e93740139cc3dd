"""Chooses which inputs a prompt shows; all others stay hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_cereval.oracles.certificate import Example, Glimpse, Input
from pytest_cereval.oracles.render import ELLIPSIS, is_plain, render_call, render_observation

MAX_VISIBLE = 3
MAX_EXAMPLE_CHARACTERS = 300
_HIDDEN_PER_VISIBLE = 4
_MANY_OUTCOMES = 8


def split_inputs(name: str, inputs: Sequence[Glimpse]) -> tuple[tuple[Glimpse, ...], tuple[Glimpse, ...]]:
    """(visible, hidden): the shortest readable examples, one of each outcome first, at most one in five inputs.

    Both parts are ordered by digest, so that nothing depends on the order of recording.
    """
    allowed = min(MAX_VISIBLE, len(inputs) // (_HIDDEN_PER_VISIBLE + 1))
    outcomes = Counter(map(_effect, inputs))
    many = len(outcomes) > _MANY_OUTCOMES
    readable = [(text, item) for item in inputs if (text := _readable(name, item)) is not None]
    readable.sort(key=lambda pair: (len(pair[0]), pair[1].digest))
    chosen: dict[str, Glimpse] = {}
    for distinct in (True, False):
        for _, item in readable:
            fresh = _effect(item) not in {_effect(other) for other in chosen.values()}
            # The last example of an effect stays hidden, or the oracle would be blind to it.
            spare = outcomes[_effect(item)] > 1 or many
            if len(chosen) < allowed and item.digest not in chosen and spare and (fresh or not distinct):
                chosen[item.digest] = item
                outcomes[_effect(item)] -= 1
    hidden = [item for item in inputs if item.digest not in chosen]
    return tuple(sorted(chosen.values(), key=_order)), tuple(sorted(hidden, key=_order))


def example_lines(name: str, item: Input | Example) -> str:
    """One example as two lines: the call, and what it does."""
    return f">>> {render_call(name, item.arguments)}\n{render_observation(item.observation)}"


def _readable(name: str, item: Glimpse) -> str | None:
    """The lines of an example, if they can be shown in full and tell something."""
    if item.example is None:
        return None
    text = example_lines(name, item.example)
    observation = item.example.observation
    informative = observation["kind"] == "raised" or is_plain(observation["value"])
    return text if informative and len(text) <= MAX_EXAMPLE_CHARACTERS and ELLIPSIS not in text else None


def _effect(item: Glimpse) -> tuple[str, bool]:
    """What comes out, and whether something is changed on the way."""
    return item.outcome, item.changed


def _order(item: Glimpse) -> str:
    return item.digest
