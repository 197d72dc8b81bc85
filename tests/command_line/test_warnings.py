"""numpy's warnings never reach the screen: what they are about is said in words, where it matters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mpi_runner import python


@pytest.mark.job
def test_numbers_that_overflow(tmp_path: Path) -> None:
    rows = "".join(f"{(-1) ** i}.{i}e308,{i}e307\n" for i in range(7))
    (tmp_path / "large.csv").write_text("x,y\n" + rows)
    (tmp_path / "small.csv").write_text("x,y\n" + "".join(f"{i},{i % 3}e-320\n" for i in range(7)))
    tables = [["--data", str(tmp_path / f"{name}.csv")] for name in ("large", "small")]
    models = [str(tmp_path / f"run-{k}") for k in range(2)]
    trainings = [
        ["--quiet", "--hidden", "2", "--max-iterations", "3", "--overwrite", *table, "--out", out, *more]
        for table, out in zip(tables, models, strict=True)
        for more in (["--optimizer", "gradient-descent", "--eta", "1e300"], ["--dtype", "float32"], [])
    ]
    applied = [["--model", model, *table] for model in models for table in tables]
    for name, each in (("train", trainings), ("predict", applied), ("evaluate", applied)):
        done = python("-c", ONE_AFTER_ANOTHER, f"distnn.{name}", json.dumps(each))
        assert done.stdout.count(ENDED) == len(each)
        assert "Warning" not in done.stderr and "Traceback" not in done.stderr, done.stderr


ENDED = "-- ended"
ONE_AFTER_ANOTHER = f"""
import json, runpy, sys
for given in json.loads(sys.argv[2]):
    command, sys.argv[1:] = sys.argv[1], given
    try:
        runpy.run_module(command, run_name="__main__", alter_sys=True)
    except SystemExit:
        print("{ENDED}", flush=True)
    sys.argv[1:] = [command]
"""


@pytest.mark.job
def test_a_program_whose_numpy_warns(tmp_path: Path) -> None:
    script = (
        "import numpy as np\nfrom distnn.command_line.program import run\n"
        "run(lambda ranks, arguments: int(np.float64(1e300) * 1e300 > 0) - 1)"
    )
    assert python("-c", script).stderr == ""
