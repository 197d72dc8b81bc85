"""What this installation computes, as a hash: where two differ in it, so may the bits of a training.

The version of a compiler or a library says little about that: flags, a C library or a CPU change results, too, and many
other versions do not. So small fixed problems are computed instead, in milliseconds.
"""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import product

import numpy as np

from distnn.kernels import algebra as kernel
from distnn.kernels import elementary, factors
from distnn.kernels.blocks import Block
from distnn.kernels.library import FUNCTIONS
from distnn.kernels.normal import draw
from distnn.network.activations import ACTIVATIONS
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import ERROR_FUNCTIONS
from distnn.network.network import Network
from distnn.network.passes import BACKENDS
from distnn.network.weights import weight_count
from distnn.streams import stream

NARROW, WIDE = (5, 7, 6, 3), (5, 70, 66, 3)
ROWS = 150  # some panels of every kind of passes, and a part of one


def hashes() -> dict[str, str]:
    """The hashes, by what they are of. Local."""
    return {"gradient": gradients(), "algebra": algebra()}


@cache
def gradients() -> str:
    """A hash of small gradients: for each dtype and kind of passes that is in use, each θ and error function. Local."""
    digest = hashlib.blake2b(digest_size=8)
    thetas = [name for name, theta in ACTIVATIONS.items() if theta.chain is not None]
    outputs = [(error, output) for error, its in ERROR_FUNCTIONS.items() for output in its]
    problems = [(d, theta, "squared", "identity") for theta in thetas for d in (NARROW, WIDE)]
    problems += [(NARROW, "tanh", error, output) for error, output in outputs]  # which do not know how wide it is
    for (d, theta, error, output), dtype in product(problems, (np.float64, np.float32)):
        network = Network(d, theta, output)
        network.w[:] = _numbers(network.w.size, 3)
        engine = Backpropagation(network, error, dtype)
        for backend in BACKENDS:
            if backend.serves(d, engine.theta):
                engine.passes = backend(d, engine.theta, engine.dtype)
                engine.load(network.w)
                E, G = _gradient(engine)
                digest.update(G.tobytes() + np.float64(E).tobytes())
    return digest.hexdigest()


def _gradient(engine: Backpropagation) -> tuple[float, np.ndarray]:
    x, y = np.ones((engine.d[0] + 1, ROWS), engine.dtype), _numbers(engine.d[-1] * ROWS, 1)
    x[1:] = _numbers(engine.d[0] * ROWS, 2).reshape(-1, ROWS)
    G = np.empty(weight_count(engine.d), engine.dtype)
    return engine.gradient(Block(x, np.abs(y).reshape(-1, ROWS).astype(engine.dtype), None), G), G


@cache
def algebra() -> str:
    """A hash of what optimizers compute (kernels/algebra.py), and of numpy's random numbers. Local."""
    digest = hashlib.blake2b(digest_size=8)
    A, v, w = _numbers(150 * 150, 4).reshape(150, 150), _numbers(20_000, 5), _numbers(20_000, 6)
    L = factors.cholesky(kernel.row_products(A, A) + np.eye(150))
    assert L is not None
    values = [
        kernel.dot(v, w),
        kernel.total(v),
        factors.solve(L, v[:150]),
        factors.invert(L),
        kernel.combination(w[:150], A),
    ]
    values += [elementary.applied(name, np.abs(v[:50])) for name in FUNCTIONS]
    values += [function(abs(x)) for x in v[:50].tolist() for function in (elementary.cosine_of_half_turns, _power)]
    for value in (*values, draw(stream(0, "weights"), (20_000,))):
        digest.update(np.asarray(value).tobytes())
    return digest.hexdigest()


def _power(x: float) -> float:
    return elementary.power(x, 13)


def numbers(count: int, seed: int) -> np.ndarray:
    """Numbers between -1 and 1 that depend on IEEE arithmetic alone: float64 (count,)."""
    return (np.arange(seed, count + seed) * 7919 % 1009 - 504) / 504.0


_numbers = cache(numbers)
