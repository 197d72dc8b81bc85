"""JAX: a pure function in a Python file, and its parameters, a pytree, in an .npz file."""

from __future__ import annotations

import io
import json

import numpy as np

from distnn.inference.export.formula import Formula
from distnn.inference.export.python_source import shared
from distnn.inference.export.text import commented, identifier

THETAS = {
    "tanh": "jnp.tanh(s)",
    "logistic": "0.5 * (1 + jnp.tanh(0.5 * s))",
    "relu": "jnp.maximum(s, 0)",
    "identity": "s",
    "sign": "jnp.where(s >= 0, 1.0, -1.0).astype(s.dtype)",
    "softmax": "_softmax(s)",
}
CODE = '''\
{about}
#
# import jax; jax.config.update("jax_enable_x64", True)  # else all of it is float32
# from {module} import load, predict
# y = predict(load(), x), for x of shape rows x {inputs}{coded}

from pathlib import Path

import jax.numpy as jnp
import numpy as np

{shared}LAYERS = {layers}


def load(path=Path(__file__).with_name({file})):
    """The parameters: W and b of the layers, and shift, mean and divisor of what is before and after them."""
    with np.load(path, allow_pickle=False) as file:
        known = {{name: jnp.asarray(file[name]) for name in file.files}}
    tree = {{"layers": [{{"W": known[f"W{{k}}"], "b": known[f"b{{k}}"]}} for k in range(LAYERS)]}}
    for step in {steps}:
        tree[step] = {{key: known[f"{{step}}_{{key}}"] for key in ("shift", "mean", "divisor")}}
    return tree


def predict(parameters, x):
    """The outputs, rows x {outputs}, for the inputs x, rows x {inputs}. Pure."""
{encoded}    x = jnp.where(jnp.isfinite(x), x, jnp.nan)  # activations would make numbers of infinite inputs
    by = parameters["standardise"]
    x = ((x - by["shift"]).astype(by["mean"].dtype) - by["mean"]) / by["divisor"]
    for layer in parameters["layers"][:-1]:
        x = _hidden(x @ layer["W"] + layer["b"])
    y = _output(x @ parameters["layers"][-1]["W"] + parameters["layers"][-1]["b"])
{undo}    return {y}


def _hidden(s):
    return {hidden}


def _output(s):
    return {output}
{softmax}'''
UNDO = """\
    by = parameters["undo"]
    y = y * by["divisor"] + by["mean"] + by["shift"]
"""
SOFTMAX = """

def _softmax(s):
    e = jnp.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""


def files(formula: Formula, name: str) -> dict[str, bytes]:
    """The code and the parameters, by their endings. Local."""
    dtype, output = np.dtype(formula.dtype), formula.layers[-1].theta
    arrays = {f"standardise_{key}": values.astype(dtype) for key, values in vars(formula.standardise).items()}
    arrays["standardise_shift"] = formula.standardise.shift
    for k, layer in enumerate(formula.layers):
        arrays |= {f"W{k}": layer.W.astype(dtype), f"b{k}": layer.b.astype(dtype)}
    if formula.undo is not None:
        arrays |= {f"undo_{key}": values for key, values in vars(formula.undo).items()}
    code = CODE.format(
        about=commented(formula, "#"),
        module=f"{identifier(name)}_jax",
        file=json.dumps(f"{name}_jax.npz"),
        inputs=len(formula.columns),
        outputs=formula.d[-1],
        shared=shared(formula, "jnp"),
        coded="" if formula.plain else "; encode(rows) makes such of rows with words",
        encoded="" if formula.plain else "    x = encoded(jnp.asarray(x, float))\n",
        steps="""("standardise", "undo")""" if formula.undo else """("standardise",)""",
        undo=UNDO if formula.undo else "",
        y="restored(y)" if any(formula.transforms) else "y",
        layers=len(formula.layers),
        hidden=THETAS[formula.layers[0].theta if len(formula.layers) > 1 else "identity"],
        output=THETAS[output],
        softmax=SOFTMAX if output == "softmax" else "",
    )
    file = io.BytesIO()
    np.savez(file, **arrays)
    return {"_jax.py": code.encode(), "_jax.npz": file.getvalue()}
