"""`python -m distnn.export`: what it writes and says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from exporting import model
from mpi_runner import mpirun
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.export import main
from distnn.inference.export import EXPORTERS
from distnn.parallel.ranks import OneRank


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a run in it."""
    monkeypatch.chdir(tmp_path)
    Path("runs/lift").mkdir(parents=True)
    model("one-output").save("runs/lift/model.safetensors")
    return tmp_path


@pytest.mark.parametrize("size", [1, 3])
def test_what_it_writes_and_says(size: int, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "runs/lift", "--to", *EXPORTERS, "--units", "x1=m/s", "x2=K"]
    if size == 1:
        assert main(OneRank(), arguments) == 0
    else:
        assert on_ranks(size, lambda ranks: main(ranks, arguments)) == [0] * size
    named = [f"lift{ending}" for exporter in EXPORTERS.values() for ending in exporter.endings]
    assert capsys.readouterr().out.split() == named
    assert {path.name for path in Path().iterdir()} == {"runs", *named}
    assert "0 x1 [m/s]" in Path("lift.h").read_text()


@pytest.mark.parametrize("out", ["there", "new/", "new/there/"])
def test_a_folder(out: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there").mkdir()
    assert main(OneRank(), ["--model", "runs/lift", "--to", "c", "--out", out]) == 0
    assert capsys.readouterr().out == "{0}/lift.h\n{0}/lift.c\n".format(out.rstrip("/"))


def test_another_place(capsys: pytest.CaptureFixture[str]) -> None:
    Path("there").mkdir()
    arguments = ["--model", "runs/lift/model.safetensors", "--to", "c", "--out", "there/plane.c"]
    for more in ([], ["--overwrite"]):
        assert main(OneRank(), [*arguments, *more]) == 0
        assert capsys.readouterr().out == "there/plane.h\nthere/plane.c\n"


BAD = [
    (["--to", "c"], "--model is missing"),
    (["--model", "runs/lift"], "--to is missing: .* c, fortran,"),
    (["--model", "runs/lift", "--to", "c", "basic"], "--to basic: choose from c"),
    (["--model", "runs/drag", "--to", "c"], "runs/drag cannot be read: No such file"),
    (["--model", "runs/lift", "--to", "c", "--units", "x1"], "--units x1: give a name and its unit, such as"),
    (["--model", "runs/lift", "--to", "c", "--units", "z=m"], "--units z=m: the model has no input or target"),
    (["--model", "runs/lift", "--to", "c", "--out", "runs/lift/model.safetensors/a"], r"a\.h cannot be written: Not"),
]


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("arguments", "sentence"), BAD)
def test_bad_input(arguments: list[str], sentence: str, size: int) -> None:
    with pytest.raises(UserError, match=sentence):
        on_ranks(size, lambda ranks: main(ranks, arguments)) if size > 1 else main(OneRank(), arguments)
    assert [path.name for path in Path().iterdir()] == ["runs"]


@pytest.mark.job
def test_under_mpirun() -> None:
    done = mpirun(2, "-m", "distnn.export", "--model", "runs/lift", "--to", "c")
    assert (done.returncode, done.stdout) == (0, "lift.h\nlift.c\n"), done.stderr
