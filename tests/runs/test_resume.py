"""Which options may be given to a run that goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from distnn import UserError
from distnn.runs.options import Options, stored
from distnn.runs.resume import merge

STORED = Options(hidden=(3,), eta=0.5, max_iterations=20, data="old.csv")


def merged(folder: Path, *arguments: str) -> Options:
    (folder / "options.toml").write_text(stored(STORED))
    out = ["--resume", "--out", str(folder)]
    return merge(Options(resume=True, out=str(folder)), [*out, *arguments], "train", "")


def test_those_of_the_run_and_those_given_now(tmp_path: Path) -> None:
    expected = replace(STORED, resume=True, out=str(tmp_path))
    assert merged(tmp_path) == expected
    assert merged(tmp_path, "--max-iterations", "30") == replace(expected, max_iterations=30)
    assert merged(tmp_path, "--hidden", "3") == expected  # the same once more is no change
    moved = merged(tmp_path, "--data", "new.csv", "--threads", "2", "--evaluate-every", "7")
    assert moved == replace(expected, data="new.csv", threads=2, evaluate_every=7)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--hidden", "4", "5"], "--hidden 4 5 cannot be given at --resume: this run began with 3"),
        (["--seed", "1"], "--seed 1 cannot be given at --resume: this run began with 0"),
        (["--optimizer", "adam"], "--optimizer adam cannot be given at --resume: this run began with its default"),
        (["--validation", "0.5"], "--validation 0.5 cannot be given"),
    ],
)
def test_what_a_run_began_with_stays(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{sentence}"):
        merged(tmp_path, *arguments)


def test_there_has_to_be_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--resume needs --out"):
        merge(Options(resume=True), ["--resume"], "train", "")
    with pytest.raises(UserError, match=r"holds no run to resume: .*options\.toml is missing"):
        merge(Options(resume=True, out=str(tmp_path)), ["--resume", "--out", str(tmp_path)], "train", "")
