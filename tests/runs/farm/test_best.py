"""Several trainings from different seeds, and the STOP file."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mpi_runner import mpirun
from trainings import trained

from distnn.errors import UserError
from distnn.storage.files import read

TRAIN = ("-m", "distnn.train")
SMALL = ("--examples", "300", "--hidden", "3", "--validation", "0.3", "--max-iterations", "15", "--quiet")


def weights(path: Path) -> str:
    return hashlib.sha256(read(path)[0]["w"].tobytes()).hexdigest()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("restarts") / "run"
    trained(out, *SMALL, "--restarts", "3")
    return out


def test_the_best_of_the_restarts_is_kept(three: Path) -> None:
    results = [json.loads((three / f"restart-00{k}" / "result.json").read_text()) for k in range(3)]
    errors = [result["best_E_val"] for result in results]
    assert len(set(errors)) == 3
    best = int(np.argmin(errors))
    assert weights(three / "model.safetensors") == weights(three / f"restart-00{best}" / "model.safetensors")


def test_each_restart_is_the_run_of_its_seed_on_the_same_rows(three: Path, tmp_path: Path) -> None:
    first = json.loads((three / "restart-000" / "metrics.jsonl").read_text().splitlines()[0])
    second = json.loads((three / "restart-001" / "metrics.jsonl").read_text().splitlines()[0])
    assert first["E_in"] != second["E_in"]
    trained(tmp_path / "alone", *SMALL)
    assert weights(tmp_path / "alone" / "model.safetensors") == weights(three / "restart-000" / "model.safetensors")
    assert first["evaluations"] == second["evaluations"]


@pytest.mark.job
def test_resume_goes_on_in_the_middle_of_the_restarts(three: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shorter = [option if option != "15" else "9" for option in SMALL]
    trained(out, *shorter, "--restarts", "3")
    for k in (1, 2):  # as if it had been stopped in the second and never begun the third
        (out / f"restart-00{k}" / "result.json").unlink()
    for path in (out / "restart-002" / "checkpoints").iterdir():
        path.unlink()
    done = mpirun(2, *TRAIN, "--resume", "--out", str(out), "--max-iterations", "15")
    assert done.returncode == 0, done.stderr
    for k in (1, 2):
        name = f"restart-00{k}/model.safetensors"
        assert weights(out / name) == weights(three / name)


def test_what_is_resumed_is_what_the_checkpoints_say(three: Path, tmp_path: Path) -> None:
    """The options are compared with those of restarts that are over, too, and so are their results."""
    out = Path(shutil.copytree(three, tmp_path / "run"))
    options = out / "options.toml"
    text = options.read_text()
    options.write_text(text.replace("seed = 0", "seed = 2"))
    assert options.read_text() != text
    with pytest.raises(UserError, match=f"{options} says --seed 2, but {out}/restart-000/checkpoints/"):
        trained(out, "--resume")
    options.write_text(text)
    for k in range(3):
        path = out / f"restart-00{k}" / "result.json"
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "best_E_val": -float(k)}))
    trained(out, "--resume")
    assert (out / "model.safetensors").read_bytes() == (three / "model.safetensors").read_bytes()


@pytest.mark.job
def test_the_file_STOP_ends_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "run"
    script = """
import pathlib, sys, threading, time
from distnn.parallel.launcher import connect
from distnn.train import main

everyone, out = connect(), pathlib.Path(sys.argv[1])

def stop_it():
    while not (out / "metrics.jsonl").exists():
        time.sleep(0.05)
    (out / "STOP").touch()

if everyone.rank == 0:
    threading.Thread(target=stop_it, daemon=True).start()
options = ["--examples", "300", "--optimizer", "gradient-descent", "--max-iterations", "100000000"]
sys.exit(main(everyone, [*options, "--out", str(out)]))
"""
    done = mpirun(2, "-c", script, str(out))
    assert done.returncode == 0, done.stderr
    assert "the file STOP was there" in done.stdout
    assert not (out / "STOP").exists()
    t = json.loads((out / "result.json").read_text())["t"]
    assert (out / "checkpoints" / f"checkpoint-{t:010d}.safetensors").exists()
