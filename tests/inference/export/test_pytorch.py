"""The state_dict of what is exported to PyTorch; test_python_source.py tests what it computes."""

from __future__ import annotations

from pathlib import Path

import pytest
from exporting import mixed, model
from safetensors import safe_open

from distnn.inference.export import export
from distnn.inference.export.formula import fingerprint


@pytest.mark.parametrize(("first", "inputs"), [(0, 3), (1, 11)])
def test_the_state_is_that_of_a_sequential_and_names_the_model(first: int, inputs: int, tmp_path: Path) -> None:
    """Words, gaps and transforms are a module before it, without a state."""
    made = mixed() if first else model("one-output")
    _, state = export(made, "torch", tmp_path / "m")
    places = range(first + 1, first + 2 * made.network.L, 2)
    with safe_open(state, "numpy") as file:
        assert file.metadata() == {"fingerprint": fingerprint(made)}
        linear = {f"{place}.{name}" for place in places for name in ("weight", "bias")}
        steps = {f"{place}.{name}" for place in (first, places[-1] + 2) for name in ("shift", "mean", "divisor")}
        assert set(file.keys()) == linear | steps
        assert file.get_slice(f"{first + 1}.weight").get_shape() == [made.network.d[1], inputs]
