"""`distnn completion`: what bash completes with its script, run by bash itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mpi_runner import environment
from patience import PATIENCE

from distnn import UserError
from distnn.completion import SCRIPTS, main
from distnn.parallel.ranks import OneRank


def completed(words: str, folder: Path, number: int) -> list[str]:
    """What bash would offer for the word of that number."""
    code = f'{SCRIPTS["bash"]}distnn() {{ {sys.executable} -m distnn "$@"; }}\nCOMP_WORDS=({words})\n'
    code += f'COMP_CWORD={number}\n_distnn\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    done = subprocess.run(
        ["bash", "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
        env=environment(),
        check=True,
    )
    return done.stdout.split()


@pytest.mark.job
def test_bash(tmp_path: Path) -> None:
    (tmp_path / "table.csv").touch()
    assert completed("distnn tr", tmp_path, 1) == ["train"]
    assert completed("distnn train --hid", tmp_path, 2) == ["--hidden"]
    assert completed("distnn train --no-standardise-t", tmp_path, 2) == ["--no-standardise-targets"]
    assert completed("distnn train ta", tmp_path, 2) == ["table.csv"]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OneRank(), [shell]) == 0
    assert capsys.readouterr().out == SCRIPTS[shell]


@pytest.mark.parametrize("arguments", [[], ["tcsh"]])
def test_another_shell(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="For which shell"):
        main(OneRank(), arguments)
