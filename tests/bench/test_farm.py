"""The benchmark of farms: what it measures are whole farms, and ratios are to one rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distnn.bench import farm
from distnn.errors import UserError
from distnn.kernels import blas
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options


def test_a_farm_is_trained_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "table.npy", farm._rows()[:50])
    options = Options(data=str(tmp_path / "table.npy"), members=2, max_iterations=1, hidden=(2,), quiet=True)
    blas.limit_threads(1)
    seconds, busy = farm._seconds(options, tmp_path, OneRank(), 1)
    assert seconds > 0 and busy > 0
    assert {path.name for path in (tmp_path / "farm").iterdir()} >= {"member-000", "member-001", "model.safetensors"}


def test_the_table_has_ratios_to_one_rank(capsys: pytest.CaptureFixture[str]) -> None:
    farm.show({"alone": [(4.0, 3.0), (8.0, 3.0)], "groups": [(2.0, 1.0), (2.0, 1.0)]}, OneRank())
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith((" alone", " groups"))]
    assert lines == [["alone", "6.000", "1.00", "3.000", "1.00"], ["groups", "2.000", "3.00", "1.000", "3.00"]]


@pytest.mark.parametrize("arguments", [["many"], ["0"], ["²"], ["1", "2"], []])
def test_bad_use_is_one_sentence(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="takes one argument" if arguments else "mpirun -n 2"):
        farm.main(OneRank(), arguments)
