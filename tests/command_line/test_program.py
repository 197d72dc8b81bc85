"""Flags and TOML files: flags win, what is printed reads back, and every mistake is one sentence with exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mpi_runner import mpirun, python


@pytest.mark.job
def test_the_exit_code_is_2_and_the_sentence_is_on_stderr(tmp_path: Path) -> None:
    done = python("-m", "distnn.train", "--thetaa", "tanh", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("distnn: Unknown option: --thetaa. Did you mean --theta?")
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


SCRIPT = """
import sys
from mpi4py import MPI
from distnn.command_line.program import run
sys.argv[1:] = ["--eta", str(MPI.COMM_WORLD.rank)]
run(lambda ranks, arguments: print("it ran"))
"""


@pytest.mark.job
def test_arguments_that_differ_over_ranks(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = mpirun(2, tmp_path / "script.py")
    assert (done.returncode, done.stdout) == (2, "")
    sentence = (
        "the command differs over the ranks: ['--eta', '0'] on rank 0, ['--eta', '1'] on rank 1. Give all the same."
    )
    assert done.stderr == f"distnn: {sentence}\n"


FAILING = """
import sys
from distnn.command_line.program import run
from distnn.errors import UserError

def failing(ranks, arguments):
    ranks.post("nobody takes this", 1 - ranks.rank)
    raise UserError("This fails everywhere.")

sys.argv[1:] = []
run(failing)
"""


@pytest.mark.job
def test_where_all_fail_messages_may_be_left(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FAILING)
    done = mpirun(2, tmp_path / "script.py")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "distnn: This fails everywhere.\n")


LATE = """
import os, signal, sys
from distnn.command_line.program import run

class Late:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        print("it came", flush=True)

late = Late()
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
    signal.signal(number, lambda number, frame: None)  # as in a training
sys.argv[1:] = []
run(lambda ranks, arguments: 0)
"""


@pytest.mark.job
@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGHUP"])
def test_a_signal_while_python_ends(name: str, tmp_path: Path) -> None:
    """Python gives up its handlers before it takes down its modules."""
    (tmp_path / "script.py").write_text(LATE.format(name=name))
    done = python(tmp_path / "script.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "it came\n", "")
