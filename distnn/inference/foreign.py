"""Weights that other programs have trained, as a model to begin with: PyTorch's and scikit-learn's.

They say neither names nor, PyTorch's, activations: those of the training that begins with them are taken. What they
compute is taken to be of inputs and targets as they stand in the table, once words and gaps have become numbers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from distnn.data.preparation import Preparation
from distnn.data.scaling import Scaling
from distnn.errors import UserError
from distnn.inference.model import Model
from distnn.network.network import Network
from distnn.storage.files import recognised

STEP = ("shift", "mean", "divisor")  # of the first and last part of what export/pytorch.py writes


def is_state_dict(path: str | Path) -> bool:
    """Is it a safetensors file that distnn did not write as a model? Local."""
    path = Path(path)
    return os.path.isfile(path) and path.suffix == ".safetensors" and not recognised(path)


def from_state_dict(path: str | Path, network: Network, preparation: Preparation) -> Model:
    """The model of a Sequential of linear layers, whose state_dict is in a safetensors file. Local.

    network, preparation: of the training, for names and activations. Layers are taken in the order of their names,
    numbers in them by value. Where it is what `--to torch` wrote, its standardisation is heeded. UserError for a file
    that holds anything else.
    """
    try:
        with safe_open(path, "np") as file:
            tensors = {name: file.get_tensor(name).astype(np.float64, copy=False) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise UserError(f"{path} is damaged, or holds tensors of a type that numpy does not know.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    parts: dict[str, dict[str, np.ndarray]] = {}
    for name in sorted(tensors, key=_by_value):
        part, _, what = name.rpartition(".")
        parts.setdefault(part, {})[what] = tensors[name]
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    steps: list[Scaling | None] = []
    for place, (part, own) in enumerate(parts.items()):
        if set(own) == set(STEP) and place in (0, len(parts) - 1):
            steps.append(Scaling(*(own[name] for name in STEP)))
        elif set(own) <= {"weight", "bias"} and "weight" in own and own["weight"].ndim == 2:
            steps += [None] if not layers and not steps else []
            layers.append((own["weight"].T, own.get("bias", np.zeros(len(own["weight"])))))
        else:
            raise UserError(
                f"{path} is no state_dict of linear layers: {part or 'it'} holds {', '.join(sorted(own))}, where "
                "weight and bias are expected."
            )
    inputs, targets = [*steps, None, None][:2]
    return _model(layers, inputs, targets, network, preparation, str(path))


def from_scikit_learn(estimator: Any, network: Network, preparation: Preparation, where: str) -> Model:
    """The model that a fitted MLPRegressor or MLPClassifier is. Local. UserError, which begins with `where`, else."""
    if not hasattr(estimator, "coefs_") or not hasattr(estimator, "intercepts_"):
        raise UserError(f"{where}: give a model, or an MLPRegressor or MLPClassifier of scikit-learn that is fitted.")
    output = estimator.out_activation_
    for what, its, needed in (
        ("activation", estimator.activation, network.theta if network.L > 1 else estimator.activation),
        ("output", output, network.output_theta),
        ("classes", _classes(estimator), list(preparation.classes.names) if preparation.classes else []),
    ):
        if its != needed:
            raise UserError(f"{where}: that estimator has the {what} {its}, and this training {needed}.")
    layers = list(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    return _model(layers, None, None, network, preparation, where)


def _classes(estimator: Any) -> list[str]:
    return [str(name) for name in getattr(estimator, "classes_", ())]


def _model(
    layers: Sequence[tuple[np.ndarray, np.ndarray]],
    inputs: Scaling | None,
    targets: Scaling | None,
    network: Network,
    preparation: Preparation,
    where: str,
) -> Model:
    """The model of layers, each W, below × above, and b, (above,)."""
    if not layers:
        raise UserError(f"{where} holds no layers.")
    d = [len(layers[0][0]), *(len(b) for _, b in layers)]
    shapes = [W.shape for W, _ in layers]
    if shapes != list(pairwise(d)):
        raise UserError(f"{where}: its layers do not follow one another; they are {', '.join(map(str, shapes))}.")
    scalings = (inputs or Scaling.identity(d[0]), None if preparation.classes else targets or Scaling.identity(d[-1]))
    made = Network(d, network.theta, network.output_theta)
    for W, (weights, bias) in zip(made.W, layers, strict=True):
        W[1:], W[0] = weights, bias
    whole = [made.w, *(array for scaling in scalings if scaling for array in vars(scaling).values())]
    widths = [len(scaling.shift) == width for scaling, width in zip(scalings, (d[0], d[-1]), strict=True) if scaling]
    if not all(np.isfinite(array).all() for array in whole) or not all(widths):
        raise UserError(f"{where} holds weights that are not finite, or a standardisation of other columns.")
    return Model(made, replace(preparation, input_scaling=scalings[0], target_scaling=scalings[1]), "squared")


def _by_value(name: str) -> list[tuple[int, str]]:
    """A key that sorts names with numbers in them: layer 2 before layer 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
