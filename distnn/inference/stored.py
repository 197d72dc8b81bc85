"""A model as a file holds it: one, or an ensemble of several."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from distnn.errors import UserError
from distnn.inference.certainty import FACTOR, FREEDOM, NOISE
from distnn.inference.ensemble import Ensemble
from distnn.inference.model import Model
from distnn.storage import files
from distnn.words import many

MODEL = "model.safetensors"  # in the directory of a run


def load_model(path: str | Path) -> Model:
    """The model in a file, or in a run's directory. Local. UserError if there is none, or it is damaged."""
    path = files.named(path)
    if os.path.isdir(path):  # also of a name that no file can have
        folds, path = sorted(path.glob("fold-*")), path / MODEL
        if folds and not path.exists():
            raise UserError(f"{path.parent} is a cross-validation, which has a model for each fold: give {folds[0]}.")
        if not path.exists() and (runs := sorted(run.parent for run in path.parent.glob(f"*/{MODEL}"))):
            raise UserError(f"{path.parent} is a folder with {many(len(runs), 'model')}: give one, such as {runs[0]}.")
    tensors, metadata = files.read(path)
    if "model" not in metadata:
        raise UserError(f"{path} does not hold a model.")
    return restore(tensors, metadata["model"], str(path))


def restore(tensors: dict[str, np.ndarray], metadata: dict[str, Any], where: str) -> Model:
    """The model or the ensemble that `tensors` and `metadata` stored. UserError if they do not hold one."""
    count = metadata.get("ensemble") if isinstance(metadata, dict) else None
    if count is None:
        return Model.restore(tensors, metadata, where)
    w = tensors.get("w")
    if w is None or w.ndim != 2 or len(w) != count or len(w) < 2:
        raise UserError(f"{where} does not hold an ensemble.")
    each = {name: tensors[name] for name in ("w", FACTOR, NOISE, FREEDOM) if name in tensors}
    if any(array.ndim == 0 or len(array) != count for array in each.values()):
        raise UserError(f"{where} does not hold an ensemble.")
    members = [
        Model.restore({**tensors, **{name: array[k] for name, array in each.items()}}, metadata, where)
        for k in range(len(w))
    ]
    return Ensemble.of(members)
