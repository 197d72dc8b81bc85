"""What a training shows on a terminal, and leaves there."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from mpi_runner import environment
from patience import PATIENCE

pytestmark = pytest.mark.job

TRAIN = ("-m", "distnn.train", "--examples", "3000", "--optimizer", "gradient-descent")


def on_a_terminal(
    arguments: Sequence[str], react: Callable[[str, subprocess.Popen], None] | None = None
) -> tuple[int, str]:
    """The exit code and the output of a Python that believes itself on a terminal of 100 columns."""
    master, slave = pty.openpty()
    variables = environment({"COLUMNS": "100", "LINES": "40", "TERM": "xterm"})
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=slave, stdout=slave, stderr=slave, env=variables, start_new_session=True
    )
    os.close(slave)
    shown, deadline = b"", time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.2)[0]:
                if process.poll() is not None:
                    break
                continue
            try:
                part = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            shown += part
            if react:
                react(shown.decode(errors="replace"), process)
        return process.wait(PATIENCE), shown.decode(errors="replace")
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_terminal_has_a_bar(tmp_path: Path) -> None:
    code, shown = on_a_terminal([*TRAIN, "--max-iterations", "300", "--out", str(tmp_path / "a")])
    assert code == 0, shown
    for text in ("t 300", "━", "E_in", "examples/s", "0:00:0", "stopped because"):
        assert text in shown, text
    assert "\nt 100 " not in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") > 0, "the cursor stays hidden"


def test_ctrl_c_on_a_terminal_leaves_it_in_order(tmp_path: Path) -> None:
    sent: list[float] = []

    def interrupt(shown: str, process: subprocess.Popen) -> None:
        if "E_in" in shown.split("blocks")[-1] and not sent:
            sent.append(time.monotonic())
            process.send_signal(signal.SIGINT)

    code, shown = on_a_terminal(
        [*TRAIN, "--max-iterations", "100000000", "--out", str(tmp_path / "a")],
        interrupt,
    )
    assert code == 75, shown
    assert "received SIGINT" in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")
