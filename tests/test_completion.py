"""`distnn completion`: what shells complete with its scripts, run by the shells themselves."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from mpi_runner import environment
from patience import PATIENCE
from trainings import wait_until

from distnn import UserError
from distnn.completion import SCRIPTS, main
from distnn.parallel.ranks import OneRank

WORDS = {  # what is typed in a folder with the file table.csv, and what completes it
    "distnn tr": "train",
    "distnn train --hid": "--hidden",
    "distnn train --no-standardise-t": "--no-standardise-targets",
    "distnn train ta": "table.csv",
}
COMMAND = f'distnn() {{ {sys.executable} -m distnn "$@"; }}'
ZSH = """autoload -Uz compinit && compinit -u -D
source script
show() { print -r -- "$BUFFER" >>shown; }
zle -N show && bindkey '^Y' show && bindkey '^I' complete-word
begun() { touch ready; }  # keys pressed before that are the terminal's: ^U takes back all of them
zle -N zle-line-init begun
PS1=
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "table.csv").touch()
    return tmp_path


def shell(*command: str, folder: Path) -> str:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, cwd=folder, env=environment(), check=True
    )
    return done.stdout


@pytest.mark.job
def test_bash(folder: Path) -> None:
    code = f"{SCRIPTS['bash']}{COMMAND}\n"
    for line in WORDS:
        code += f'COMP_WORDS=({line})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n_distnn\necho "${{COMPREPLY[@]}}"\n'
    assert shell("bash", "-c", code, folder=folder).splitlines() == list(WORDS.values())


@pytest.mark.job
def test_a_file_with_a_space_in_its_name_is_one(folder: Path) -> None:
    (folder / "my table.csv").touch()
    code = f"{SCRIPTS['bash']}COMP_WORDS=(distnn train my)\nCOMP_CWORD=2\n_distnn\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    assert shell("bash", "-c", code, folder=folder) == "my table.csv\n"


@pytest.mark.job
def test_fish(folder: Path) -> None:
    code = f"{SCRIPTS['fish']}function distnn\n{sys.executable} -m distnn $argv\nend\n"
    code += "".join(f'complete -C "{line}"\n' for line in WORDS)
    assert shell("fish", "--no-config", "-c", code, folder=folder).splitlines() == list(WORDS.values())


@pytest.mark.job
def test_zsh(folder: Path) -> None:
    """At a terminal, where the key of the tabulator is pressed after each."""
    shell("zsh", "-f", "-c", "true", folder=folder)
    (folder / "script").write_text(f"{COMMAND}\n{SCRIPTS['zsh']}")
    (folder / "start").write_text(ZSH)
    terminal, own = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-f", "-i"],
        stdin=own,
        stdout=own,
        stderr=own,
        cwd=folder,
        env=environment({"TERM": "dumb", "HOME": str(folder)}),
        start_new_session=True,
    ) as process:
        os.close(own)
        threading.Thread(target=_read_all, args=(terminal,), daemon=True).start()
        os.write(terminal, b"source start\n")
        wait_until((folder / "ready").exists, "zsh is ready")
        for line in WORDS:
            os.write(terminal, f"{line}\t\x19\x15".encode())
        os.write(terminal, b"exit\n")
        assert process.wait(PATIENCE) == 0
    shown = [line.rstrip() for line in (folder / "shown").read_text().splitlines()]
    assert shown == [line.rpartition(" ")[0] + " " + word for line, word in WORDS.items()]


def _read_all(terminal: int) -> None:
    """What nobody reads stops who writes it."""
    with suppress(OSError):
        while os.read(terminal, 4096):
            pass


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OneRank(), [shell]) == 0
    assert capsys.readouterr().out == SCRIPTS[shell]


@pytest.mark.parametrize("arguments", [[], ["tcsh"]])
def test_another_shell(arguments: list[str]) -> None:
    with pytest.raises(UserError, match="For which shell"):
        main(OneRank(), arguments)
