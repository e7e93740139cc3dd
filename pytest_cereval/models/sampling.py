"""Turns the logits of one position into the next token and the margin by which it won."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import Sampling

if TYPE_CHECKING:
    from pytest_cereval.models.grammar import Constraint

Logits: TypeAlias = npt.NDArray[np.float32]


class TokenPicker:
    """Picks tokens for one completion; with the same settings and logits it picks the same ones.

    With a `constraint` it picks among the tokens that this allows.
    """

    def __init__(self, sampling: Sampling, constraint: Constraint | None = None) -> None:
        self._constraint = constraint
        self._temperature = sampling.temperature
        self._random = np.random.Generator(np.random.PCG64(sampling.seed))
        self.min_margin: float | None = None

    def pick(self, logits: Logits) -> int:
        """The next token: the likeliest (lowest id on a tie) at temperature 0, else a draw from the softmax.

        `logits` may be llama.cpp's own buffer; it is as before when this returns. Raises `ModelError` when
        the best logit is not a finite number.
        """
        if self._constraint is None:
            return self._pick(logits)
        # Nearly always the likeliest token is allowed, and then nobody needs to look at the others.
        best = int(logits.argmax())
        free = self._temperature == 0.0 and self._constraint.allows(best)
        token = self._pick(logits if free else self._constraint.masked(logits))
        self._constraint.accept(token)
        return token

    def _pick(self, logits: Logits) -> int:
        best = int(logits.argmax())
        top = float(logits[best])
        if not math.isfinite(top):
            raise ModelError(
                f"the model computed {top} instead of a number",
                next_step="check the file's sha256; if it is right, try --cereval-flash-attn=off "
                "--cereval-type-k=f16 --cereval-type-v=f16",
            )
        # One more pass over the buffer instead of a sort: 15 µs against 2 ms for 250,000 logits.
        logits[best] = -np.inf
        second = float(logits.max())
        logits[best] = top
        if math.isfinite(second):
            self.min_margin = min(top - second, self.min_margin if self.min_margin is not None else math.inf)
        return best if self._temperature == 0.0 else self._draw(logits, top)

    def _draw(self, logits: Logits, top: float) -> int:
        with np.errstate(over="ignore"):
            cumulated = np.cumsum(np.exp((logits.astype(np.float64) - top) / self._temperature))
        drawn = int(np.searchsorted(cumulated, self._random.random() * cumulated[-1], side="right"))
        return min(drawn, len(cumulated) - 1)
