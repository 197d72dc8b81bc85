"""optimistix's Levenberg-Marquardt on JAX, for small networks and squared error, step by step.

A step counts as one and a half evaluations: the residuals of a trial, and the Jacobian. What is compiled is compiled
before the clock starts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from distnn.bench.convergence.problems import Instance
from distnn.bench.convergence.trace import Trace
from distnn.network.weights import layers


def run(instance: Instance, trace: Trace) -> None:
    """Its steps from the initial weights, without tolerances."""
    import equinox
    import jax
    import jax.numpy as jnp
    import optimistix

    jax.config.update("jax_enable_x64", True)
    X, Y = jnp.asarray(instance.X), jnp.asarray(instance.Y)

    def residuals(W: Any, args: Any) -> tuple[Any, None]:
        x = X
        for l, W_l in enumerate(W, 1):
            s = x @ W_l[1:] + W_l[0]
            x = s if l == len(W) else jnp.tanh(s)
        return (x - Y).ravel() / len(X) ** 0.5, None

    def error(W: Any) -> float:
        with trace.paused():
            return float(jnp.sum(residuals(W, None)[0] ** 2))

    W = [jnp.asarray(np.array(W_l)) for W_l in layers(instance.w, instance.d)]
    solver: Any = optimistix.LevenbergMarquardt(rtol=0.0, atol=0.0)
    tags = frozenset[object]()
    shapes = jax.eval_shape(residuals, W, None)
    state = solver.init(residuals, W, None, {}, *shapes, tags)
    step = equinox.filter_jit(lambda W, state: solver.step(residuals, W, None, {}, state, tags))
    step(W, state)
    trace.start()
    evaluations = 1.0
    trace.note(error(W), evaluations)
    while True:
        W, state, _ = step(W, state)
        jax.block_until_ready(W)
        evaluations += 1.5
        trace.note(error(W), evaluations)
