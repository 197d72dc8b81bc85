"""Which examples a step sees, and which rows are held out: functions of the seed and of numbers that all ranks have.

Nothing is drawn in order, stored or sent: any rank knows any step's examples and any row's lot.
"""

from __future__ import annotations

import math

import numpy as np

from distnn.streams import stream

# P(k or fewer) by Poisson's distribution of mean 1, k = 0, 1, …
POISSON = np.cumsum([0.36787944117144233 / math.factorial(k) for k in range(20)])  # exp(-1) / k!
ROUNDS = 8  # of the Feistel network; 4 are enough in theory, small domains like more


def picks(seed: int, t: int, n: int, size: int) -> np.ndarray:
    """The examples of step t: `size` numbers in [0, n), drawn with replacement, int64. Replicated."""
    return stream(seed, "picks", t).integers(0, n, size)


def shuffled(seed: int, t: int, n: int, size: int) -> np.ndarray:
    """The examples of step t: the next `size` numbers in [0, n), every number once before any comes again. Replicated.

    int64. Every epoch has a permutation of its own; a step may end one and begin the next. No permutation is
    stored: any place of it can be computed on its own.
    """
    place = np.arange(t * size, (t + 1) * size, dtype=np.int64)
    epochs = place // n
    chosen = np.empty(size, np.int64)
    for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
        now = epochs == epoch
        chosen[now] = permuted(place[now] % n, n, stream(seed, "epochs", epoch))
    return chosen


def permuted(i: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """π(i) for a permutation π of [0, n) that only the generator's next draws decide; int64.

    A Feistel network permutes [0, 4^h) with the smallest 4^h ≥ n; where it leaves [0, n), it is applied again until it
    returns. Black & Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
    """
    half = np.uint64((max(n - 1, 1).bit_length() + 1) // 2)
    low = np.uint64((1 << int(half)) - 1)
    keys = generator.integers(0, 2**64, ROUNDS, dtype=np.uint64)
    result = i.astype(np.uint64)
    outside = np.ones(len(i), bool)
    while outside.any():
        z = result[outside]
        left, right = z >> half, z & low
        for key in keys:
            left, right = right, left ^ (_mixed(right + key) & low)
        result[outside] = left << half | right
        outside = result >= n
    return result.astype(np.int64)


SAMPLING = {"replacement": picks, "epochs": shuffled}


def held_out(seed: int, share: float, rows: np.ndarray) -> np.ndarray:
    """Which of the rows, given by number, int64 (r,), are held out for validation: bool (r,), each with chance `share`.

    Depends on seed and row number only, and not on which rows are kept for the test.
    """
    return _draws(seed, rows) < np.uint64(int(share * 2**64))


def for_test(seed: int, share: float, rows: np.ndarray) -> np.ndarray:
    """Which of the rows, as in `held_out`, are kept for the test: other ones, as long as both shares are below 1."""
    return ~_draws(seed, rows) < np.uint64(int(share * 2**64))


def trained(seed: int, validation: float, test: float, rows: np.ndarray) -> np.ndarray:
    """Which of the rows, as in `held_out`, are neither held out nor kept for the test, these being their shares."""
    return ~(held_out(seed, validation, rows) | for_test(seed, test, rows))


def bootstrap(seed: int, member: int, rows: np.ndarray) -> np.ndarray:
    """How often each of the rows, given by number, int64 (r,), is drawn for this member: int64 (r,), 1 in the mean.

    By Poisson's distribution, which is that of n draws of n rows for large n, but draws each row on its own: Chamandy
    et al., "Estimating uncertainty for massive data streams", 2012. Depends on seed, member and row number only.
    """
    u = _hash(rows, stream(seed, "bootstrap", member)) / 2.0**64
    return np.searchsorted(POISSON, u, side="right")


def _draws(seed: int, rows: np.ndarray) -> np.ndarray:
    """Each row's draw, uint64 (r,): a hash of its number (splitmix64), so any rows can be asked for on their own.

    Rows are held out from the low end, and kept for the test from the high end: neither share changes the other rows.
    """
    return _hash(rows, stream(seed, "validation"))


def _hash(rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A uint64 (r,) for each row, which its number and the generator's next draw decide."""
    offset = generator.integers(0, 2**64, dtype=np.uint64)
    return _mixed(rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + offset)


def _mixed(z: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: a random function of uint64 numbers, as far as anyone can tell."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
