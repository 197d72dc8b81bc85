"""What a job asks for, in the words of each batch system."""

from __future__ import annotations

import pytest
from batch_systems import SYSTEMS as STAND_INS

from distnn import UserError
from distnn.submission.systems import SYSTEMS, Request, clock, duration, find, require_seeds

SLURM = ("--account=a", "--partition=q", "--array=1-8")
LINES = {
    "slurm": [
        "--nodes=4 --ntasks-per-node=16 --ntasks=64 --time=36:30:00",
        "--account=a",
        "--partition=q",
        "--array=1-8",
    ],
    "pbs": ["-l select=4:ncpus=16:mpiprocs=16 -l walltime=36:30:00", "-A a", "-q q", "-J 1-8"],
    "lsf": ["-n 64 -W 36:30", '-R "span[ptile=16]"', "-P a", "-q q", "-J distnn[1-8]"],
    "flux": ["-N 4 -n 64 -t 2190m", "--bank=a", "--queue=q"],
    "sge": ["-pe mpi 64 -l h_rt=36:30:00", "-P a", "-q q", "-t 1-8"],
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_lines(name: str) -> None:
    request = Request(
        64,
        131400,
        nodes=None if name == "sge" else 4,
        account="a",
        queue="q",
        array=None if name == "flux" else "1-8",
    )
    assert SYSTEMS[name].lines(request) == LINES[name]
    if name in STAND_INS:  # which is as strict as the documentation
        STAND_INS[name].directives("".join(f"{SYSTEMS[name].directive} {line}\n" for line in LINES[name]))


@pytest.mark.parametrize(
    ("text", "seconds"), [("4:00:00", 14400), ("2-01:00:05", 176405), ("4h", 14400), ("1.5h", 5400)]
)
def test_time(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "4", "4:00", "0h", "-1h", "4 h", "four"])
def test_no_time(text: str) -> None:
    with pytest.raises(UserError, match=rf"--time {text}: give hours, minutes and seconds"):
        duration(text)


def test_a_clock() -> None:
    assert (clock(14400), clock(359999), clock(61)) == ("04:00:00", "99:59:59", "00:01:01")


@pytest.mark.parametrize(
    ("name", "request_", "sentence"),
    [
        ("slurm", Request(10, 60, nodes=4), "--tasks 10 do not go evenly on --nodes 4"),
        ("flux", Request(1, 60, array="1-2"), "Flux has no arrays"),
        ("sge", Request(4, 60, nodes=2), "--nodes: in Grid Engine"),
    ],
)
def test_what_a_system_cannot(name: str, request_: Request, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        SYSTEMS[name].lines(request_)


@pytest.mark.parametrize("array", ["8", "0-3", "3-1", "1-", "a-b"])
def test_no_seeds(array: str) -> None:
    require_seeds("1-8")
    require_seeds(None)
    with pytest.raises(UserError, match=f"--array {array}: give the first and the last seed"):
        require_seeds(array)


@pytest.mark.parametrize(
    ("commands", "name"),
    [
        ((), None),
        (("sbatch", "qsub"), "slurm"),
        (("bsub",), "lsf"),
        (("qsub", "qconf"), "sge"),
        (("qsub",), "pbs"),
    ],
)
def test_the_system_that_is_here(commands: tuple[str, ...], name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLUX_URI", raising=False)
    monkeypatch.setattr("shutil.which", lambda command: command if command in commands else None)
    assert find() == name
    monkeypatch.setenv("FLUX_URI", "local:///run")
    assert find() == "flux"
