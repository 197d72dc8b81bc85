"""The table that members of a farm are trained on."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """120 rows of two numbers, a site, and a number."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 120))
    site, y = generator.integers(0, 9, 120), np.sin(a) * b + 3
    lines = [
        f"{row[0]!r},{row[1]!r},s{row[2]},{row[3]!r}\n"
        for row in zip(*(v.tolist() for v in (a, b, site, y)), strict=True)
    ]
    path.write_text("a,b,site,y\n" + "".join(lines))
    return str(path)
