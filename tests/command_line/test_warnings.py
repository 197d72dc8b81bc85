"""numpy's warnings never reach the screen: what they are about is said in words, where it matters."""

from __future__ import annotations

from pathlib import Path

import pytest
from mpi_runner import python


@pytest.mark.job
def test_numbers_that_overflow(tmp_path: Path) -> None:
    rows = "".join(f"{(-1) ** i}.{i}e308,{i}e307\n" for i in range(7))
    (tmp_path / "large.csv").write_text("x,y\n" + rows)
    (tmp_path / "small.csv").write_text("x,y\n" + "".join(f"{i},{i % 3}e-320\n" for i in range(7)))
    run = ("-m", "distnn.train", "--quiet", "--hidden", "2", "--max-iterations", "3", "--out", tmp_path / "run")
    said = []
    for training in ("large", "small"):
        for more in (("--optimizer", "gradient-descent", "--eta", "1e300"), ("--dtype", "float32"), ()):
            said.append(python(*run, "--overwrite", "--data", tmp_path / f"{training}.csv", *more).stderr)
        for table in ("large", "small"):
            apply = ("--model", tmp_path / "run", "--data", tmp_path / f"{table}.csv")
            said += [python("-m", f"distnn.{name}", *apply).stderr for name in ("predict", "evaluate")]
    assert not [text for text in said if "Warning" in text or "Traceback" in text]


@pytest.mark.job
def test_a_program_whose_numpy_warns(tmp_path: Path) -> None:
    script = (
        "import numpy as np\nfrom distnn.command_line.program import run\n"
        "run(lambda ranks, arguments: int(np.float64(1e300) * 1e300 > 0) - 1)"
    )
    assert python("-c", script).stderr == ""
