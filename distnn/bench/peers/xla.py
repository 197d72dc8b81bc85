"""JAX, jitted: over all rows at once, or in a loop over blocks of rows, of the best of a few sizes or of distnn's.

On one core, or on a GPU, there with full products of float32, as distnn; or on as many processes as there are ranks,
each with its rows, which add up their gradients over gloo.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.multihost_utils import process_allgather

from distnn.bench.peers import Task
from distnn.bench.peers.worker import Iterate, serve
from distnn.bench.workloads import ETA

BLOCKS = (250, 500, 1000, 2000, 4000)


def begin(task: Task, X: np.ndarray, Y: np.ndarray) -> Iterate:
    """The variant that the task asks for."""
    jax.config.update("jax_enable_x64", task.workload.dtype == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    if task.size > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{task.port}", task.size, task.rank)
    generator = np.random.default_rng(0)
    w = [
        (generator.standard_normal((below, above)).astype(X.dtype) / below**0.5, np.zeros(above, X.dtype))
        for below, above in pairwise(task.workload.d)
    ]
    if task.variant == "whole":
        return _iterate(X, Y, w, len(X))
    if task.variant == "same":
        return _iterate(X, Y, w, min(task.rows, len(X)))
    candidates = [rows for rows in BLOCKS if len(X) % rows == 0 and rows <= len(X)] or [len(X)]
    best, shortest = None, np.inf
    for rows in candidates:
        iterate = _iterate(X, Y, w, rows)
        iterate(2)
        start = time.perf_counter()
        iterate(2)
        if (seconds := _slowest(time.perf_counter() - start)) < shortest:
            best, shortest = iterate, seconds
    assert best is not None
    return best


def _slowest(seconds: float) -> float:
    """Of all processes: they are to choose the same. Collective."""
    return float(np.max(process_allgather(np.array(seconds))))


def _iterate(X: np.ndarray, Y: np.ndarray, w: Any, rows: int) -> Iterate:
    whole = len(X) // rows * rows
    x, y = (jnp.asarray(of[:whole].reshape(-1, rows, of.shape[1])) for of in (X, Y))
    left = (jnp.asarray(X[whole:]), jnp.asarray(Y[whole:])) if whole < len(X) else ()  # a shorter block at the end

    def errors(w: Any, x: Any, y: Any) -> Any:
        for W, bias in w:
            x = jnp.tanh(x @ W + bias)
        return jnp.sum((x - y) ** 2)

    def add(total: Any, block: Any) -> Any:
        return jax.tree.map(jnp.add, total, jax.value_and_grad(errors)(block[2], *block[:2])), None

    def step(w: Any, x: Any, y: Any, left: Any) -> Any:
        if len(x) == 1:
            E, G = jax.value_and_grad(errors)(w, x[0], y[0])
        else:
            zero = (jnp.zeros((), x.dtype), jax.tree.map(jnp.zeros_like, w))
            (E, G), _ = jax.lax.scan(lambda total, block: add(total, (*block, w)), zero, (x, y))
        if left:
            E, G = add((E, G), (*left, w))[0]
        n = len(X) * jax.process_count()
        if jax.process_count() > 1:
            E, G = jax.lax.psum((E, G), "processes")
        return E / n, jax.tree.map(lambda W, g: W - ETA * g / n, w, G)

    several = jax.process_count() > 1
    compiled = jax.pmap(step, axis_name="processes") if several else jax.jit(step)
    if several:  # the first axis counts this process's devices
        w, x, y = jax.tree.map(lambda array: array[None], (w, x, y))

    def iterate(iterations: int) -> float:
        nonlocal w
        for _ in range(iterations):
            E, w = compiled(w, x, y, left)
            last = float(np.ravel(E.addressable_data(0))[0])
        jax.block_until_ready(w)
        return last

    return iterate


if __name__ == "__main__":
    serve(begin)
