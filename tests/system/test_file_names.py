"""Names of files that are no UTF-8, as Linux allows them: read, written, stored, resumed and printed byte by byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mpi_runner import environment
from patience import PATIENCE
from tables import regression

from distnn.errors import UserError
from distnn.evaluate import main as evaluate
from distnn.export import main as export
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank
from distnn.predict import main as predict
from distnn.train import main as train

NAME = os.fsdecode(b"caf\xe9")
SHORT = ("--max-iterations", "2", "--hidden", "3", "--quiet")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a table; some file systems know UTF-8 only."""
    monkeypatch.chdir(tmp_path)
    try:
        Path(NAME).mkdir()
    except OSError:
        pytest.skip("this file system takes no name that is no UTF-8")
    X, Y = regression(60)
    table = np.hstack([X, Y])
    np.savetxt(f"{NAME}.csv", table, delimiter=",")
    np.savetxt(f"{NAME}/{NAME}.csv", table, delimiter=",")
    np.save(f"{NAME}.npy", table)
    np.savez(f"{NAME}.npz", X=X, Y=Y)
    return tmp_path


@pytest.mark.parametrize("data", [f"{NAME}.csv", f"{NAME}.npy", f"{NAME}.npz", NAME, f"{NAME}/c*.csv"], ids=ascii)
def test_tables_are_read(data: str, folder: Path) -> None:
    assert train(OneRank(), ["--data", data, "--out", "run", *SHORT]) == 0


def test_a_run_from_its_options_to_its_predictions(folder: Path) -> None:
    data, out = f"{NAME}.csv", f"{NAME}.run"
    assert train(OneRank(), ["--data", data, "--out", out, "--scratch", NAME, "--memory", "0", *SHORT]) == 0
    assert 'data = "bytes:caf%E9.csv"' in Path(out, "options.toml").read_text()
    assert train(OneRank(), ["--resume", "--out", out, "--max-iterations", "3", "--quiet"]) == 0
    assert train(OneRank(), ["--config", f"{out}/options.toml", "--out", f"{out}2", "--start", out]) == 0
    assert not list(Path(NAME).glob("tmp*"))
    assert predict(OneRank(), ["--model", out, "--data", data, "--out", f"{NAME}.p.csv"]) == 0
    assert len(Path(f"{NAME}.p.csv").read_text().splitlines()) == 61
    assert evaluate(OneRank(), ["--model", out, "--data", data]) == 0
    assert export(OneRank(), ["--model", out, "--to", "c", "fortran", "json", "--out", f"{NAME}-x"]) == 0
    assert b'#include "caf\xe9-x.h"' in Path(f"{NAME}-x.c").read_bytes()
    assert load_model(out).network.d == (3, 3, 1)


def test_what_is_missing_is_named(folder: Path) -> None:
    for arguments in (["--data", f"{NAME}x.csv"], ["--resume", "--out", f"{NAME}x"], ["--config", f"{NAME}x"]):
        with pytest.raises(UserError, match=f"{NAME}x"):
            train(OneRank(), arguments)


@pytest.mark.job
def test_names_are_printed_byte_by_byte(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "distnn.train", "--data", f"{NAME}.csv", "--out", f"{NAME}.run", *SHORT[:-1]],
        capture_output=True,
        timeout=PATIENCE,
        env=environment({"PYTHONIOENCODING": "ascii"}),
    )
    assert done.returncode == 0, done.stderr
    assert b"caf\xe9.csv: 60 examples" in done.stdout
    assert b"caf\xe9.run/model.safetensors" in done.stdout
    assert b", ? tanh, " in done.stdout
