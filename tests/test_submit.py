"""`distnn submit`: what it prints, writes, hands to the batch system, and refuses before anything waits in a queue."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from distnn import UserError
from distnn.parallel.ranks import OneRank
from distnn.submit import main

BASE = ["t.csv", "--out", "runs/a", "--hidden", "12,12"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a table, on a machine without a batch system."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLUX_URI", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    Path("bin").mkdir()
    Path("t.csv").touch()
    return tmp_path


def test_the_script_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*BASE, "--system", "slurm", "--dry-run", "--tasks", "8", "--nodes", "2", "--modules", "gcc", "mpi"]
    assert main(OneRank(), arguments) == 0
    text = capsys.readouterr().out
    assert "#SBATCH --nodes=2 --ntasks-per-node=4 --ntasks=8 --time=04:00:00\n" in text
    assert "OUT=runs/a OPTIONS=(--data t.csv --hidden 12 12)\n" in text
    assert "module load gcc mpi\n" in text
    assert "this is the script of a job" in text
    assert not Path("runs").exists()


def test_options_of_a_file_go_along(capsys: pytest.CaptureFixture[str]) -> None:
    Path("o.toml").write_text('hidden = [5]\ntasks = 2\ndata = "t.csv"\n')
    assert main(OneRank(), ["--config", "o.toml", "--out", "r", "--system", "lsf", "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "#BSUB -n 2 -W 4:00\n" in text and "OPTIONS=(--data t.csv --hidden 5)\n" in text


@pytest.mark.job
@pytest.mark.parametrize(("command", "name"), [("sbatch", "slurm"), ("bsub", "lsf")])
def test_it_is_submitted(command: str, name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By the command of the system that is here, which gets the script as a file, or on stdin."""
    program = folder / "bin" / command
    program.write_text('#!/bin/bash\necho "arguments $*"\n[[ $# == 0 ]] && echo "stdin $(</dev/stdin)"\nexit 0\n')
    program.chmod(0o755)
    assert main(OneRank(), BASE) == 0
    written = Path(f"runs/a.{name}.sh").read_text()
    said = capfd.readouterr().out
    assert said.startswith("arguments runs/a.slurm.sh\n" if name == "slurm" else f"arguments \nstdin {written}")
    program.write_text("#!/bin/bash\nexit 1\n")
    assert main(OneRank(), BASE) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (BASE, "There is no batch system here: name one by --system, of flux, lsf, pbs, sge, slurm"),
        ([*BASE, "--system", "slurm", "--hidden", "0"], "--hidden 12 12 0: every layer needs"),
        ([*BASE, "--system", "slurm", "--tasks", "0"], "--tasks 0: give a number of at least 1"),
        ([*BASE, "--system", "slurm", "--resume"], "the job itself sees whether there is a checkpoint"),
        (["t.csv", "--system", "slurm"], "--out is missing"),
        (["none.csv", "--out", "r", "--system", "slurm"], "none.csv is no file here"),
        (["-", "--out", "r", "--system", "slurm"], "- is no file here"),
        (["/none/t.csv", "--out", "r", "--system", "slurm"], "/none/t.csv is no file here"),
        (["none*.csv", "--out", "r", "--system", "slurm"], r"none\*.csv is no file here"),
        (
            [*BASE, "--system", "slurm", "--array", "1-8", "--seed", "3"],
            "--seed 3: --array gives each job a seed of its",
        ),
        ([*BASE, "--system", "slurm", "--time", "soon"], "--time soon"),
        ([*BASE, "--system", "slurm", "--array", "8"], "--array 8"),
        ([*BASE, "--system", "slurm", "--account", "a\nrm"], "--account .* give one word"),
    ],
)
def test_what_it_refuses(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        main(OneRank(), arguments)


@pytest.mark.job
def test_names_that_are_no_utf_8_keep_their_bytes(folder: Path) -> None:
    """Also in the script that is handed over on stdin; and it is known again as the run's own."""
    name = os.fsdecode(b"caf\xe9")
    Path(f"{name}.csv").touch()
    program = folder / "bin/bsub"
    program.write_text('#!/bin/bash\nwhile IFS= read -r line; do printf "%s\\n" "$line"; done >said\n')
    program.chmod(0o755)
    for _ in range(2):
        assert main(OneRank(), [f"{name}.csv", "--out", f"runs/{name}", "--system", "lsf"]) == 0
        written = Path(f"runs/{name}.lsf.sh").read_bytes()
        assert b"caf\xe9.csv" in written and Path("said").read_bytes() == written


@pytest.mark.parametrize("data", ["tables", "t*.csv", "{folder}/t*.csv", "{folder}/t.csv", "t.h5:/X,/Y"])
def test_tables_that_are_there(data: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tables").mkdir()
    Path("t.h5").touch()
    data = data.format(folder=folder)
    assert main(OneRank(), [data, "--out", "r", "--system", "slurm", "--dry-run"]) == 0
    assert f"--data {shlex.quote(data)})" in capsys.readouterr().out


@pytest.mark.job
def test_a_command_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"sbatch runs/a\.slurm\.sh cannot be started: .* The script is"):
        main(OneRank(), [*BASE, "--system", "slurm"])


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OneRank(), ["--help"]) == 0
    assert "--parallel-environment" in capsys.readouterr().out
