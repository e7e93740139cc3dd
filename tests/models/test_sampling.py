"""How tokens are picked from logits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import Sampling
from pytest_cereval.models.sampling import Logits, TokenPicker

logit_arrays = npst.arrays(np.float32, st.integers(2, 40), elements=st.floats(-50, 50, width=32))


def _logits(*values: float) -> Logits:
    return np.array(values, np.float32)


@given(logit_arrays)
def test_at_temperature_zero_the_likeliest_token_wins_and_the_buffer_stays_as_it_was(logits: Logits) -> None:
    before = logits.copy()
    picker = TokenPicker(Sampling())
    assert picker.pick(logits) == int(np.argmax(before))
    first, second = sorted(map(float, before), reverse=True)[:2]
    assert picker.min_margin == first - second
    assert np.array_equal(before, logits)


def test_the_smallest_margin_of_all_tokens_is_kept() -> None:
    picker = TokenPicker(Sampling())
    for values in ((5.0, 1.0), (2.0, 1.5), (0.0, 9.0)):
        picker.pick(_logits(*values))
    assert picker.min_margin == 0.5


def test_a_draw_depends_on_the_seed_alone() -> None:
    logits = np.linspace(0, 1, 50, dtype=np.float32)

    def draws(seed: int) -> list[int]:
        picker = TokenPicker(Sampling(temperature=1.0, seed=seed))
        return [picker.pick(logits) for _ in range(20)]

    assert draws(3) == draws(3)
    assert draws(3) != draws(4)


def test_draws_follow_the_softmax_at_their_temperature() -> None:
    logits = _logits(0.0, 1.0, 2.0)
    picker = TokenPicker(Sampling(temperature=2.0, seed=1))
    counted = np.bincount([picker.pick(logits) for _ in range(20000)], minlength=3) / 20000
    weights = np.exp(logits / 2.0)
    assert counted == pytest.approx(weights / weights.sum(), abs=0.015)


def test_a_very_low_temperature_picks_the_likeliest() -> None:
    assert TokenPicker(Sampling(temperature=1e-300)).pick(_logits(1.0, 3.0, 2.0)) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_no_numbers_are_a_fault_and_not_an_answer(bad: float) -> None:
    with pytest.raises(ModelError, match="instead of a number"):
        TokenPicker(Sampling()).pick(_logits(1.0, bad))
