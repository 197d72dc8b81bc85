"""`python -m distnn.train`, as a user runs it: on one process, under mpirun, interrupted, resumed, without MPI."""

from __future__ import annotations

import hashlib
import itertools
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import Job, mpirun, python, start
from patience import PATIENCE
from tables import regression, write_csv

from distnn import load_model
from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank
from distnn.storage.files import read
from distnn.train import main as train_main

TRAIN = ("-m", "distnn.train")
SMALL = ("--hidden", "4", "--validation", "0.2", "--window", "3")
DESCENT = ("--optimizer", "gradient-descent")
CLOCK = ("seconds", "examples_per_second", "communication")


def metrics(out: Path) -> list[dict[str, Any]]:
    """The records of a run, but for what the clock says."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in CLOCK} for line in lines]


def digest(tensors: dict[str, np.ndarray]) -> str:
    """A hash of names, types, shapes and bits."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode() + tensors[name].tobytes())
    return found.hexdigest()


def bits(out: Path) -> tuple[str, str]:
    """The bits of the model, and of everything in the newest checkpoint."""
    newest = max((out / "checkpoints").iterdir())
    return digest(read(out / "model.safetensors")[0]), digest(read(newest)[0])


def trained(out: Path, *arguments: str, expected: int = 0) -> Path:
    """A training in this process, without MPI: where many are wanted, starting Python each time takes too long."""
    assert train_main(OneRank(), [*arguments, "--quiet", "--out", str(out)]) == expected
    return out


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file with weights; 5,000 rows are several blocks."""
    X, Y = regression(5000)
    weights = np.random.default_rng(1).integers(0, 4, 5000) / 2
    columns = {"a": X[:, 0], "b": X[:, 1], "weight": weights, "c": X[:, 2], "y": Y[:, 0]}
    return write_csv(tmp_path_factory.mktemp("data") / "table.csv", columns)


RUNS = {name: ("--optimizer", name) for name in OPTIMIZERS} | {
    "batches": ("--optimizer", "sgd", "--batch-size", "700", "--evaluate-every", "3"),
    "float32": ("--optimizer", "gradient-descent", "--dtype", "float32"),
    "patience": ("--optimizer", "gradient-descent", "--patience", "100", "--eta", "0.3"),
}


@pytest.mark.parametrize("name", RUNS)
def test_ten_steps_are_five_and_resume_and_five(name: str, table: Path, tmp_path: Path) -> None:
    small = SMALL[:2] if "validation" in getattr(OPTIMIZERS.get(name), "excludes", ()) else SMALL
    data = ("--data", str(table), "--weights", "weight", *small, *RUNS[name])
    ten = trained(tmp_path / "ten", *data, "--max-iterations", "10")
    five = trained(tmp_path / "five", *data, "--max-iterations", "5", "--checkpoint-every", "2")
    assert bits(five) != bits(ten)
    trained(five, "--resume", "--max-iterations", "10")
    assert bits(five) == bits(ten)
    assert metrics(five)[-1] == metrics(ten)[-1]
    known = {record["t"]: record for record in metrics(ten)}  # of a stochastic one those of some t only
    assert all(record == known.get(record["t"], record) for record in metrics(five))
    assert set(known) <= {record["t"] for record in metrics(five)}
    ts = [record["t"] for record in metrics(five)]
    assert ts == sorted(set(ts))


@pytest.fixture(scope="module")
def on_three(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5 steps on 3 ranks by mpirun."""
    out = tmp_path_factory.mktemp("three") / "run"
    done = mpirun(
        *(3, *TRAIN, "--data", table, "--weights", "weight", *SMALL, "--optimizer", "sgd", "--batch-size", "100"),
        *("--evaluate-every", "1", "--max-iterations", "5", "--checkpoint-every", "2", "--out", out),
    )
    assert done.returncode == 0, done.stderr
    assert " held out; " in done.stdout and " rows on 3 ranks" in done.stdout
    return out


@pytest.mark.job
def test_resumed_on_other_numbers_of_ranks(on_three: Path, table: Path, tmp_path: Path) -> None:
    """5 steps on 3 ranks, 3 on 1 rank, 2 on 2 ranks: 10 on one rank without MPI."""
    data = ("--data", str(table), "--weights", "weight", *SMALL, "--optimizer", "sgd", "--batch-size", "100")
    ten = trained(tmp_path / "ten", *data, "--evaluate-every", "1", "--max-iterations", "10")
    trained(on_three, "--resume", "--max-iterations", "8")
    done = mpirun(2, *TRAIN, "--out", on_three, "--resume", "--max-iterations", "10")
    assert done.returncode == 0, done.stderr
    assert f"resumed at t = 8 from {on_three / 'checkpoints' / 'checkpoint-0000000008.safetensors'}" in done.stdout
    assert bits(on_three) == bits(ten)
    assert metrics(on_three) == metrics(ten)
    assert [record["t"] for record in metrics(on_three)] == list(range(11))


@pytest.mark.job
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1, signal.SIGTERM])
@pytest.mark.parametrize("P", [1, 3])
def test_a_signal_to_the_launcher(P: int, number: int, tmp_path: Path) -> None:
    """It ends the step, writes a checkpoint and leaves with 75; --resume then gives the bits of an undisturbed run."""
    arguments = ("--examples", "2000", *SMALL, *DESCENT, "--eta", "0.05")
    out = tmp_path / "run"
    endless = (*TRAIN, *arguments, "--max-iterations", "100000000", "--out", str(out))
    with start(P, *endless) if P > 1 else Job([sys.executable, *endless]) as job:
        job.wait_for("t 20 ")
        job.send_signal(number)
        done = job.finish()
    assert done.returncode == 75, done.stderr
    assert f"received {signal.Signals(number).name}" in done.stdout
    assert "--resume" in done.stdout
    t = metrics(out)[-1]["t"]
    assert [record["t"] for record in metrics(out)] == list(range(t + 1))
    assert (out / "checkpoints" / f"checkpoint-{t:010d}.safetensors").exists()
    trained(out, "--resume", "--max-iterations", str(t + 3))
    whole = trained(tmp_path / "whole", *arguments, "--max-iterations", str(t + 3))
    assert bits(out) == bits(whole)
    assert metrics(out) == metrics(whole)


@pytest.mark.job
def test_killed_between_checkpoints(tmp_path: Path) -> None:
    """SIGKILL: what the metrics and the checkpoints still lack is computed again, and each t is there once."""
    arguments = ("--examples", "2000", *SMALL, *DESCENT, "--checkpoint-every", "7")
    out = tmp_path / "run"
    endless = (*TRAIN, *arguments, "--max-iterations", "100000000", "--out", str(out))
    with Job([sys.executable, *endless]) as job:
        job.wait_for("t 50 ")
        job.send_signal(signal.SIGKILL)
        job.finish()
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"t": 10')  # half a line
    newest = int(max((out / "checkpoints").iterdir()).stem.split("-")[1])
    trained(out, "--resume", "--max-iterations", str(newest + 5))
    assert [record["t"] for record in metrics(out)] == list(range(newest + 6))
    whole = trained(tmp_path / "whole", *arguments, "--max-iterations", str(newest + 5))
    assert metrics(out) == metrics(whole)
    assert bits(out) == bits(whole)


@pytest.mark.job
def test_a_damaged_checkpoint_falls_back_and_says_so(tmp_path: Path) -> None:
    out = trained(
        tmp_path / "run", "--examples", "500", *SMALL, *DESCENT, "--max-iterations", "6", "--checkpoint-every", "2"
    )
    newest = out / "checkpoints" / "checkpoint-0000000006.safetensors"
    newest.write_bytes(newest.read_bytes()[:-3] + b"abc")
    done = python(*TRAIN, "--resume", "--out", out, "--max-iterations", "8")
    assert done.returncode == 0, done.stderr
    sentences = " ".join(done.stderr.split())
    assert (
        f"{newest} is damaged: its checksum does not fit its contents. Going back to checkpoint-0000000004" in sentences
    )
    assert "resumed at t = 4" in done.stdout
    assert [record["t"] for record in metrics(out)] == list(range(9))
    whole = trained(tmp_path / "whole", "--examples", "500", *SMALL, *DESCENT, "--max-iterations", "8")
    assert bits(out) == bits(whole)


@pytest.mark.job
def test_what_a_run_leaves(on_three: Path) -> None:
    assert {path.name for path in on_three.iterdir()} == {
        *("options.toml", "environment.json", "metrics.jsonl", "result.json", "checkpoints", "model.safetensors"),
    }
    assert len(list((on_three / "checkpoints").iterdir())) == 3
    record = json.loads((on_three / "metrics.jsonl").read_text().splitlines()[-1])
    assert set(record) >= {"t", "E_in", "E_val", "gradient_norm", "seconds", "examples_per_second"}
    assert load_model(on_three).network.d == (3, 4, 1)
    assert not list(on_three.rglob(".*")), "a temporary file was left"


@pytest.mark.job
def test_the_table_at_the_end(tmp_path: Path) -> None:
    done = mpirun(2, *TRAIN, "--examples", "300", "--max-iterations", "3", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for text in ("stopped because  t >= 3", "what next  ", "E_in  ", "iterations  ", "time  ", "model  "):
        assert len([line for line in lines if line.startswith(text)]) == 1, text
    for name in ("computing", "communication"):
        line = next(line for line in lines if line.startswith(name))
        least, most = float(line.split()[1]), float(line.split()[3])
        assert 0 <= least <= most <= 100, line
        assert "least and most of 2 ranks" in line


@pytest.mark.job
def test_a_log_file_has_lines_at_growing_intervals(tmp_path: Path) -> None:
    run = ("--examples", "100", "--hidden", "2", *DESCENT, "--max-iterations", "230")
    done = python(*TRAIN, *run, "--out", tmp_path / "a")
    ts = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("t ")]
    assert ts == [0, 1, 2, 5, 10, 20, 50, 100, 200, 230]
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    done = python(*TRAIN, *run, "--log-every", "100", "--out", tmp_path / "b", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("t ")] == [0, 100, 200, 230]


@pytest.mark.job
def test_quiet(tmp_path: Path) -> None:
    done = python(*TRAIN, "--examples", "100", "--max-iterations", "2", "--quiet", "--out", tmp_path / "a")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


BLOCKERS = {
    "mpi4py is not installed": "import sys; sys.modules['mpi4py'] = None",
    "mpi4py without an MPI library": (
        "import sys, importlib.abc\n"
        "class Finder(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'mpi4py.MPI':\n"
        "            raise RuntimeError('cannot load MPI library')\n"
        "sys.meta_path.insert(0, Finder())\n"
    ),
}


@pytest.mark.job
@pytest.mark.parametrize("name", BLOCKERS)
def test_without_MPI(name: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKERS[name])
    env = {"PYTHONPATH": str(tmp_path)}
    probe = python("-c", "from mpi4py import MPI", env=env)
    assert probe.returncode == 1, "MPI can be imported still"
    run = ("--examples", "200", "--max-iterations", "3")
    done = python(*TRAIN, *run, "--out", tmp_path / "a", env=env)
    assert done.returncode == 0, done.stderr
    assert bits(tmp_path / "a") == bits(trained(tmp_path / "b", *run))
    refused = python(*TRAIN, *run, "--out", tmp_path / "c", env={**env, "PMI_SIZE": "3", "PMI_RANK": "0"})
    assert refused.returncode == -signal.SIGTERM  # others may have MPI, and wait: mpirun must notice
    assert "connects none of them" in refused.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.job
def test_the_start_imports_no_more_than_needed() -> None:
    """Rank 0 alone reads options and prints: on the others nothing of cyclopts and rich is loaded."""
    code = "import sys, distnn.train; print(sorted({'cyclopts', 'rich', 'sklearn', 'scipy'} & set(sys.modules)))"
    assert python("-c", code).stdout.strip() == "[]"


@pytest.mark.job
def test_dry_run(table: Path, tmp_path: Path) -> None:
    data = ("--data", table, "--weights", "weight", "--hidden", "30", "20", "--out", tmp_path / "run")
    done = mpirun(3, *TRAIN, *data, "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = {line[:15].strip(): line[15:].strip() for line in done.stdout.splitlines()}
    assert lines["data"] == f"{table}: 5,000 rows, 3 inputs"
    assert lines["network"].startswith("d = [3, 30, 20, 1], θ tanh, output identity, squared error")
    assert lines["weights"] == str(4 * 30 + 31 * 20 + 21 * 1)
    blocks, size = (int(lines["blocks"].replace(",", "").split()[place]) for place in (0, 2))
    begins = [min(block * 157 // blocks * 32, 5000) for block in range(blocks + 1)]  # 5,000 rows are 157 panels of 32
    assert size == max(end - start for start, end in itertools.pairwise(begins))
    first = [blocks * rank // 3 for rank in range(4)]
    owned = [end - start for start, end in itertools.pairwise(first)]
    rows = [begins[end] - begins[start] for start, end in itertools.pairwise(first)]
    shown = f"3, each with {min(owned)} to {max(owned)} blocks, {min(rows):,} to {max(rows):,} rows"
    assert lines["ranks"] == shown
    # Forward 2ab for each product, G the same, δ back for all layers but the first.
    flops = 5000 * 2 * (2 * (3 * 30 + 30 * 20 + 20 * 1) + (30 * 20 + 20 * 1))
    assert lines["an iteration"].startswith(
        f"{flops:.3g} floating-point operations, {flops / 3:.3g} a rank; 6.09 kB summed"
    )
    assert lines["memory a rank"].startswith(f"{max(rows) * (3 + 1 + 1 + 1) * 8 / 1000:.3g} kB of rows")
    assert not (tmp_path / "run").exists()
    real = trained(tmp_path / "real", *map(str, data[:-2]), "--max-iterations", "0")
    assert load_model(real).network.w.size == 761


def test_the_learning_is_real(tmp_path: Path) -> None:
    """The first command of a newcomer: the built-in data are learnt."""
    out = trained(
        tmp_path / "a", "--examples", "1000", "--hidden", "12", "--max-iterations", "2000", *DESCENT, "--eta", "0.3"
    )
    first, last = metrics(out)[0], metrics(out)[-1]
    assert last["E_in"] < 0.4 * first["E_in"]


@pytest.mark.job
def test_a_training_goes_on_when_nobody_reads_its_output_any_more(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = f"{sys.executable} -m distnn.train --examples 300 --optimizer gradient-descent --max-iterations 3000"
    shell = f"{command} --log-every 1 --out {out} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "Broken" not in done.stderr
    assert json.loads((out / "result.json").read_text())["t"] == 3000
