"""Architecture, weights and preparation as JSON, whose schema is in docs/exports.md. Numbers read back to the bit."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from distnn.inference.export.formula import Formula, Standardise

FORMAT = 1


def files(formula: Formula, name: str) -> dict[str, bytes]:
    """The text by its ending. Local."""
    content = {
        "format": FORMAT,
        "name": name,
        "fingerprint": formula.fingerprint,
        "dtype": formula.dtype,
        "columns": [{**asdict(column), "unit": formula.units.get(column.name)} for column in formula.columns],
        "standardise": _numbers(formula.standardise),
        "layers": [{"theta": layer.theta, "W": layer.W.tolist(), "b": layer.b.tolist()} for layer in formula.layers],
        "undo": None if formula.undo is None else _numbers(formula.undo),
        "outputs": [
            {"name": name, "transform": transform, "unit": formula.units.get(name)}
            for name, transform in zip(formula.outputs, formula.transforms or (None,) * formula.d[-1], strict=True)
        ],
        "classes": formula.classes,
        "threshold": formula.threshold,
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in content.items()]
    return {".json": ("{\n" + ",\n".join(lines) + "\n}\n").encode()}


def _numbers(step: Standardise) -> dict[str, Any]:
    return {key: values.tolist() for key, values in vars(step).items()}
