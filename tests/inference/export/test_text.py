"""Names, numbers and words at the top of what is exported."""

from __future__ import annotations

import numpy as np
import pytest
from exporting import model

from distnn.inference.export.formula import fingerprint, formula
from distnn.inference.export.text import about, identifier, lines, numbers


@pytest.mark.parametrize(
    ("text", "name"), [("lift", "lift"), ("my-run 2", "my_run_2"), ("2nd", "model_2nd"), ("é", "model"), ("_a", "a")]
)
def test_identifier(text: str, name: str) -> None:
    assert identifier(text) == name


def test_numbers_read_back_to_the_bit() -> None:
    values = np.array([1.0, -0.0, 0.1, 1e300, 5e-324, 2**60])
    found = numbers(values, "_dp")
    assert all(text.endswith("_dp") and ("." in text or "e" in text) for text in found)
    assert np.array([float(text[:-3]) for text in found]).tobytes() == values.tobytes()


def test_lines() -> None:
    assert lines([]) == []
    found = lines([str(number) for number in range(100)], 20)
    assert all(len(line) <= 20 for line in found)
    assert found[0] == "0, 1, 2, 3, 4, 5, 6,"
    assert " ".join(found) == ", ".join(map(str, range(100)))


def test_about() -> None:
    found = about(formula(model("two-classes"), {"x1": "m"}))
    assert fingerprint(model("two-classes")) in found
    assert {"0 x1 [m]", "1 x2", "0 output pear", "0 apple", "1 pear"} <= set(found)
    assert "The second class is predicted where the output is above 0.0." in found
    assert "The class with the largest output is predicted; of equal ones, the first." in about(
        formula(model("classes"), {})
    )
