"""Random numbers that depend on (seed, purpose, counter) only: the same on every rank, for every P, after every resume.

Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) is a function of a key and a
counter, so nothing has to be stored, sent or drawn in order.
"""

from __future__ import annotations

import numpy as np

PURPOSES = ("weights", "picks", "validation")


def stream(seed: int, purpose: str, counter: int = 0) -> np.random.Generator:
    """The generator for draw number `counter` of this purpose. Replicated if its arguments are."""
    key = np.array([seed, PURPOSES.index(purpose)], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, counter, 0], np.uint64)))


def picks(seed: int, t: int, n: int, size: int) -> np.ndarray:
    """The examples of step t: `size` numbers in [0, n), drawn with replacement, int64. Replicated."""
    return stream(seed, "picks", t).integers(0, n, size)


def held_out(seed: int, share: float, start: int, stop: int) -> np.ndarray:
    """Which of the rows [start, stop) are held out for validation: bool, each with probability `share`.

    Depends on seed and row number only. A row's draw is a hash of its number (splitmix64), so any
    range can be asked for on its own.
    """
    if share == 0:
        return np.zeros(stop - start, bool)
    offset = stream(seed, "validation").integers(0, 2**64, dtype=np.uint64)
    z = np.arange(start, stop, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + offset
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z < np.uint64(int(share * 2**64))
