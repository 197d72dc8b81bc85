"""Adam's step in compiled code: the bits that numpy gives it, whatever the numbers and wherever they lie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from availability import every_arithmetic, need_instructions

from distnn.kernels.adam import adam_step
from distnn.optimizers.adam import Adam, AdamState

ODD = (np.nan, np.inf, -np.inf, 5e-324, -1e-310, 1e-200, 1e200, -1e308, -0.0, 0.0)


class Problem(NamedTuple):
    """What Adam asks of an objective: the gradient G of each sample, and which weights decay."""

    G: np.ndarray
    decayed: np.ndarray

    def sample(self, w: np.ndarray, t: int) -> tuple[float, np.ndarray]:
        return 1.0, self.G


def bits(a: np.ndarray) -> np.ndarray:
    """Those of a; of a NaN, which has many, those of one."""
    return np.where(np.isnan(a), np.nan, a).view(np.int64)


@pytest.mark.parametrize("decoupled_decay", [0.0, 0.3])
def test_the_bits_are_those_of_the_formulas(decoupled_decay: float) -> None:
    need_instructions()
    generator, adam = np.random.default_rng(7), Adam(eta=0.1, decoupled_decay=decoupled_decay)
    for size in (1, 7, 8, 13, 1003):
        w, G, m, v = generator.normal(size=(4, size + 1))[:, 1:]
        np.square(v, out=v)
        if size > 100:
            for a in (w, G, m, v):
                a[:200] = generator.choice(ODD, 200)
        problem = Problem(G, (generator.random(size) > 0.5).astype(float))
        expected: dict[str, np.ndarray] = {}
        for arithmetic in every_arithmetic():
            with np.errstate(all="ignore"):
                state = adam.step(problem, AdamState(w, 1.0, G, m, v), 3)  # type: ignore[arg-type]
            found = {name: bits(getattr(state, name)) for name in ("w", "m", "v")}
            expected = expected or found
            for name, numbers in found.items():
                np.testing.assert_array_equal(numbers, expected[name], f"{name}, {arithmetic}")


def test_what_is_left_to_numpy() -> None:
    for arithmetic in every_arithmetic():
        after = adam_step((0.9, 0.999, 0.1, 0.001, 1e-8, 0.0, 0.1), *np.ones((4, 8)), None)
        assert (after is None) == (arithmetic == "off")
