"""Faults, injected under mpirun on rank 0 and on another: the job ends, says why once, and no checkpoint is lost.

The faults stand in inject.py. Each job has a hard time limit, so that a hang is a failure.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import is_open_mpi, mpirun, python, start
from threaded_ranks import on_ranks
from trainings import BASE, EVERY_THREE, INJECT, TRAINING, metrics, model, newest, stat, trained, wait_until

from distnn.errors import UserError
from distnn.train import main

pytestmark = [pytest.mark.job, pytest.mark.usefixtures("no_shared_memory_stays")]


def resumed(out: Path) -> dict[str, list[Any]]:
    """The model after going on with the run."""
    trained(out, "--resume", "--quiet")
    assert not list(out.rglob(".*")), "temporary files were left"
    return model(out)


FAILURES = {
    "reading": "RuntimeError: injected fault",
    "computing": "RuntimeError: injected fault",
    "between": "RuntimeError: injected fault",
    "exiting": "SystemExit: 0",
}


@pytest.mark.parametrize("victim", [0, 2])
@pytest.mark.parametrize("fault", FAILURES)
def test_a_rank_that_fails_ends_the_job_with_its_traceback_once(
    fault: str, victim: int, tmp_path: Path, undisturbed: dict[str, list[Any]]
) -> None:
    done = mpirun(3, INJECT, fault, str(victim), *EVERY_THREE, "--out", tmp_path / "run")
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("Traceback (most recent call last)") == 1, done.stderr
    assert f"distnn: rank {victim} failed" in done.stderr
    assert FAILURES[fault] in done.stderr
    assert "inject.py" in done.stderr  # the place of the fault
    if fault == "computing" and victim == 2:
        assert newest(tmp_path / "run") >= 0
        assert resumed(tmp_path / "run") == undisturbed


@pytest.mark.parametrize("victim", [0, 2])
def test_memory_that_a_rank_does_not_get_is_a_sentence_for_all(victim: int, tmp_path: Path) -> None:
    done = mpirun(3, INJECT, "memory", str(victim), *EVERY_THREE, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count(f"distnn: rank {victim} has too little memory: Unable to allocate 6.00 GiB") == 1
    assert "lower --memory" in done.stderr
    assert newest(tmp_path / "run") >= 0


@pytest.mark.parametrize("victim", [0, 2])
def test_a_rank_that_is_killed(victim: int, tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:
    done = mpirun(3, INJECT, "killed", str(victim), *EVERY_THREE, "--out", tmp_path / "run")
    assert done.returncode not in (0, 75)
    assert resumed(tmp_path / "run") == undisturbed


def test_the_launchers_process_beside_the_ranks_is_killed(tmp_path: Path) -> None:
    """MPICH's mpirun does not notice that its hydra_pmi_proxy died; no signal would reach the ranks any more."""
    out = tmp_path / "run"
    options = (*BASE, "--max-iterations", "100000", "--checkpoint-every", "3", "--out", out)
    with start(3, INJECT, "slow", "all", *options) as job:
        pids = job.rank_pids()
        wait_until(lambda: newest(out) >= 3, "a checkpoint")
        parent = int(Path(f"/proc/{pids[0]}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)
        done = job.finish()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the ranks end")
    assert done.returncode not in (0, 75)  # the launcher's own
    if not is_open_mpi():  # whose ranks end with their launcher
        result = json.loads((out / "result.json").read_text())
        assert "launcher of a rank died" in result["text"]
        assert newest(out) == result["t"]


def test_an_error_in_writing(tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:
    done = mpirun(3, INJECT, "writing", "0", *EVERY_THREE, "--out", tmp_path / "run")
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("Traceback") == 1
    assert newest(tmp_path / "run") == 0
    assert resumed(tmp_path / "run") == undisturbed


def test_killed_while_writing(tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:
    done = mpirun(3, INJECT, "killed_writing", "0", *EVERY_THREE, "--out", tmp_path / "run")
    assert done.returncode not in (0, 75)
    assert list((tmp_path / "run/checkpoints").glob(".*")), "nothing was half written: the test tests nothing"
    assert newest(tmp_path / "run") == 0
    assert resumed(tmp_path / "run") == undisturbed


@pytest.mark.parametrize("victim", [0, 2])
def test_a_rank_that_stops_answering(victim: int, tmp_path: Path, undisturbed: dict[str, list[Any]]) -> None:
    out = tmp_path / "run"
    done = mpirun(3, INJECT, "stopped", str(victim), *EVERY_THREE, "--watchdog", "5", "--out", out)
    assert done.returncode == 1, done.stderr
    others = "ranks 1 to 2" if victim == 0 else "ranks 0 to 1"
    assert f"rank {victim} (on {os.uname().nodename}) was waited for longer than 5 s (--watchdog)" in done.stderr
    assert f"{others}: waiting at parallel/reduction.py" in done.stderr
    assert f"rank {victim}: left no word: dead, stopped or cut off" in done.stderr
    assert done.stderr.count("waited for") == 1
    assert not (out / "waiting").exists()
    assert resumed(out) == undisturbed


def test_a_rank_that_computes_for_ever(tmp_path: Path) -> None:
    done = mpirun(3, INJECT, "looping", "1", *EVERY_THREE, "--watchdog", "5", "--out", tmp_path / "run")
    assert done.returncode == 1, done.stderr
    assert f"rank 1 (on {os.uname().nodename}) was waited for longer than 5 s" in done.stderr
    assert "rank 1: computing, reading or writing at training/terms.py" in done.stderr
    assert "ranks 0, 2: waiting at parallel/reduction.py" in done.stderr


def test_a_table_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 3000)
    out = tmp_path / "run"
    done = mpirun(3, INJECT, "opening", "0", "--data", tmp_path / "a.csv", "--watchdog", "5", "--out", out)
    assert done.returncode == 1, done.stderr
    assert f"rank 0 (on {os.uname().nodename}) was waited for longer than 5 s (--watchdog)" in done.stderr
    assert "rank 0: computing, reading or writing at runs/job.py" in done.stderr


def test_a_rank_that_never_comes(tmp_path: Path) -> None:
    """MPI_Init waits for it for ever, and lets no Python run meanwhile."""
    absent = (
        "import os, runpy, time\n"
        "if '1' in (os.environ.get('PMI_RANK'), os.environ.get('OMPI_COMM_WORLD_RANK')):\n"
        "    time.sleep(1000)\n"
        "runpy.run_module('distnn.train', run_name='__main__', alter_sys=True)"
    )
    done = mpirun(3, "-c", absent, *TRAINING, "--out", tmp_path / "run", env={"DISTNN_START_SECONDS": "2"})
    assert done.returncode not in (0, 75)
    assert not (tmp_path / "run").exists()


def test_ranks_that_have_come_are_left_alone(tmp_path: Path) -> None:
    script = "import signal; from distnn.parallel.launcher import connect; ranks = connect()\n"
    script += "left = ranks.gather(signal.getitimer(signal.ITIMER_REAL)); ranks.rank or print(left)"
    done = mpirun(2, "-c", script, env={"DISTNN_START_SECONDS": "300"})
    assert (done.returncode, done.stdout) == (0, f"{[(0.0, 0.0)] * 2}\n"), done.stderr


@pytest.mark.parametrize("seconds", ["soon", "-1", "inf", "nan"])
def test_a_senseless_time_to_start(seconds: str, tmp_path: Path) -> None:
    training = ("-m", "distnn.train", *TRAINING, "--out", tmp_path / "run")
    done = mpirun(2, *training, env={"DISTNN_START_SECONDS": seconds})
    assert done.returncode == 2
    assert done.stderr.count(f"distnn: DISTNN_START_SECONDS is '{seconds}'; it should be a number of seconds") == 1


def test_a_second_ctrl_c_ends_a_job_that_hangs(tmp_path: Path) -> None:
    with start(3, INJECT, "stopped", "1", *EVERY_THREE, "--watchdog", "0", "--out", tmp_path / "run") as job:
        pids = job.rank_pids()
        wait_until(lambda: newest(tmp_path / "run") >= 3, "checkpoints")
        wait_until(lambda: stat(pids[1]) == "T", "rank 1 stops")
        os.kill(pids[0], signal.SIGINT)
        time.sleep(1.5)
        assert job.process.poll() is None, "one alone asks for an orderly end"
        os.kill(pids[0], signal.SIGINT)
        done = job.finish()
    assert done.returncode not in (0, 75)


DAMAGE = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a bit flipped": lambda path: path.write_bytes(path.read_bytes()[:-9] + b"\x55" + path.read_bytes()[-8:]),
    "deleted": lambda path: path.unlink(),
    "of a newer version": lambda path: path.write_bytes(path.read_bytes().replace(b'"distnn":"2"', b'"distnn":"9"')),
}


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 15 of the 30 iterations, with checkpoints at 9, 12 and 15."""
    out = tmp_path_factory.mktemp("half") / "run"
    trained(out, *BASE, "--checkpoint-every", "3", "--max-iterations", "15")
    return out


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint(
    damage: str,
    half: Path,
    tmp_path: Path,
    undisturbed: dict[str, list[Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distnn.runs.job.caught", lambda ranks: nullcontext())  # signals are for main threads
    out = Path(shutil.copytree(half, tmp_path / "run"))
    newest_path = max(out.glob("checkpoints/*"))
    DAMAGE[damage](newest_path)
    on_ranks(2, lambda ranks: main(ranks, ["--resume", "--out", str(out), "--max-iterations", "30"]))
    said = capsys.readouterr()
    assert "resumed at t = 12" in said.out
    if damage != "deleted":
        assert f"{newest_path}" in said.err
        assert "Going back to checkpoint-0000000012.safetensors" in " ".join(said.err.split())
    assert model(out) == undisturbed
    assert [record["t"] for record in metrics(out)] == list(range(31))


def test_no_checkpoint_that_can_be_read(half: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(half, tmp_path / "run"))
    for path in out.glob("checkpoints/*"):
        DAMAGE["a bit flipped"](path)
    done = mpirun(2, "-m", "distnn.train", "--resume", "--out", out)
    assert done.returncode == 2, done.stderr
    assert f"No checkpoint in {out}/checkpoints can be read." in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(out / "checkpoints")
    with pytest.raises(UserError, match=rf"but there is {out}/result\.json: there is nothing to resume"):
        trained(out, "--resume")


def test_checkpoints_of_other_runs(half: Path, tmp_path: Path) -> None:
    """Of another network and of other data, put in place of this run's own."""
    others = {
        "options.toml says --hidden 16 16, but": ("--hidden", "4"),
        "options.toml says --seed 0, but": ("--seed", "5"),
    }
    for text, options in others.items():
        other = tmp_path / "other"
        trained(other, *TRAINING, *options, "--overwrite")
        out = Path(shutil.copytree(half, tmp_path / "run"))
        shutil.rmtree(out / "checkpoints")
        shutil.copytree(other / "checkpoints", out / "checkpoints")
        before = sorted(out.glob("checkpoints/*"))
        with pytest.raises(UserError, match=re.escape(text)):
            trained(out, "--resume")
        assert sorted(out.glob("checkpoints/*")) == before
        shutil.rmtree(out)


@pytest.mark.parametrize("launcher", ["the mpirun of another library", "srun"])
def test_many_worlds_of_one_are_refused(launcher: str, tmp_path: Path) -> None:
    if launcher == "srun":
        size, rank, named = "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun"
    elif is_open_mpi():
        size, rank, named = "PMI_SIZE", "PMI_RANK", "the mpirun of MPICH"
    else:
        size, rank, named = "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun"
    out = tmp_path / "run"
    for number in ("0", "3"):
        done = python("-m", "distnn.train", *TRAINING, "--out", out, env={size: "4", rank: number})
        assert done.returncode == 2
        assert not out.exists()
        if number == "0":  # one of the four speaks
            assert f"distnn: {named} " in done.stderr
            assert "started 4 processes" in done.stderr
            assert "connects none of them" in done.stderr
            assert "mpirun" in done.stderr.partition("alone.")[2]  # which launcher fits
        else:
            assert "distnn:" not in done.stderr


def test_a_parallel_job_without_mpi4py_is_refused(tmp_path: Path) -> None:
    """mpirun starts four processes of a Python whose MPI cannot be loaded: each believes to be alone."""
    (tmp_path / "mpi4py.py").write_text("raise ImportError('no MPI here')")
    done = mpirun(4, "-m", "distnn.train", *TRAINING, "--out", tmp_path / "run", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode not in (0, 75), done.stderr  # a SIGTERM, by which the launcher learns of it
    assert done.stderr.count("started 4 processes") == 1, done.stderr
    assert not (tmp_path / "run").exists()


def test_the_models_of_equal_trainings_are_equal_files(tmp_path: Path) -> None:
    """Here and in another process, where the hashes of words differ."""
    trained(tmp_path / "a", *TRAINING)
    done = python("-m", "distnn.train", *TRAINING, "--out", tmp_path / "b")
    assert done.returncode == 0, done.stderr
    a, b = (np.fromfile(tmp_path / name / "model.safetensors", np.uint8) for name in ("a", "b"))
    np.testing.assert_array_equal(a, b)
