"""`distnn init`: the answers become options, the options a file that reads back, and a script."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tables import regression, write_csv

from distnn import UserError
from distnn.declared import declared
from distnn.init import commented, main, questions
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options
from distnn.train import read_options


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a table, on a machine without a batch system."""
    X, Y = regression(50)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("distnn.init.find", lambda: None)
    write_csv(tmp_path / "t.csv", {"a": X[:, 0], "b": X[:, 1], "id": X[:, 2], "y": Y[:, 0]})
    return tmp_path


def test_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OneRank(), ["t.csv", "--yes"]) == 0
    assert (
        capsys.readouterr().out.splitlines()[-1] == "wrote distnn.toml. Train here: distnn train --config distnn.toml"
    )
    options = read_options(["--config", "distnn.toml"])
    assert options is not None
    assert (options.data, options.targets, options.validation, options.out) == ("t.csv", ("y",), None, "runs/t")
    assert options.hidden is None
    assert not list(Path().glob("*.sh"))
    with pytest.raises(UserError, match=r"distnn\.toml is there already"):
        main(OneRank(), ["t.csv", "--yes"])
    assert main(OneRank(), ["t.csv", "--yes", "--overwrite"]) == 0


def test_answers_and_what_makes_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked again, and what was wrong is said."""
    answers: Iterator[str] = iter(["t.csv", "z", "a y", "id", "2", "0.2", "8 x", "8", "runs/b"])
    options = questions(None, lambda question, default: next(answers))
    assert (options.targets, options.ignore, options.validation) == (("a", "y"), ("id",), 0.2)
    assert (options.hidden, options.out) == ((8,), "runs/b")
    said = capsys.readouterr().out
    assert "has no column 'z'" in said and "--validation 2.0: give a share" in said and "8 x: give numbers." in said
    assert next(answers, None) is None


def test_names_with_spaces() -> None:
    """The default names such a column, and so can an answer."""
    Path("s.csv").write_text("the span,angle,mean lift\n" + "".join(f"{i},{i % 7},{i * i % 5}\n" for i in range(30)))
    options = questions("s.csv", lambda question, default: default)
    assert (options.targets, options.ignore) == (("mean lift",), ())
    answers = iter(["angle", "'the span", "'the span'", "0.2", "8,4", "r"])
    options = questions("s.csv", lambda question, default: next(answers))
    assert (options.targets, options.ignore, options.hidden) == (("angle",), ("the span",), (8, 4))


def test_every_option_is_in_the_file() -> None:
    text = commented(Options(hidden=(3,), seed=5, targets=("a b",)))
    assert tomllib.loads(text) == {"hidden": [3], "seed": 5, "targets": ["a b"]}
    for option in declared(Options):
        if option.name not in ("print_config", "dry_run"):
            assert f"\n# {option.flag[2:]} =" in text or f"\n{option.flag[2:]} =" in text
    everything = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line and "[" not in line)
    assert tomllib.loads(everything)["checkpoint-seconds"] == Options().checkpoint_seconds
    assert max(map(len, text.splitlines())) <= 120


def test_a_job_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OneRank(), ["t.csv", "--yes", "--system", "lsf"]) == 0
    assert "Train as a job: bsub < distnn.lsf.sh" in capsys.readouterr().out
    assert "OUT=runs/t OPTIONS=(--config distnn.toml)\n" in Path("distnn.lsf.sh").read_text()


def test_a_file_of_options_with_spaces_in_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands are said as a shell takes them."""
    assert main(OneRank(), ["t.csv", "--yes", "--system", "slurm", "--write", "a b/my options.toml"]) == 0
    told = capsys.readouterr().out
    assert "Train here: distnn train --config 'a b/my options.toml'\n" in told
    assert "Train as a job: sbatch 'a b/my options.slurm.sh'\n" in told
    assert Path("a b/my options.toml").read_text().startswith("# Options of a training: distnn train --config 'a b/")
    assert "OPTIONS=(--config 'a b/my options.toml')\n" in Path("a b/my options.slurm.sh").read_text()


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(UserError, match="stdin is no terminal"):
        main(OneRank(), ["t.csv"])
    with pytest.raises(UserError, match="--system cray: choose from flux"):
        main(OneRank(), ["t.csv", "--yes", "--system", "cray"])
    with pytest.raises(UserError, match=r"none\.csv cannot be read"):
        main(OneRank(), ["none.csv", "--yes"])
    with pytest.raises(UserError, match="--write is empty text"):
        main(OneRank(), ["t.csv", "--yes", "--write", ""])
    with pytest.raises(UserError, match=r"^\. is a folder: give the name of a file"):
        main(OneRank(), ["t.csv", "--yes", "--write", "."])
