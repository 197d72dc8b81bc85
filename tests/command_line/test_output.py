"""Whatever stdout and stderr are: a training goes on to its end, and where stdout is the product its loss is said."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mpi_runner import environment, python
from patience import PATIENCE
from trainings import TRAINING, trained

from distnn.command_line import output
from distnn.command_line.output import Output

TRAIN = f"{sys.executable} -m distnn.train"


def shell(command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """A command of bash; its exit code is that of the first in a pipe."""
    script = f"{command}\nexit ${{PIPESTATUS[0]}}"
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE, env=environment(changes)
    )


@pytest.mark.job
@pytest.mark.parametrize(
    "streams",
    [
        *(">/dev/full", ">/dev/full 2>/dev/full", ">&-", "2>&-", "<&- >&- 2>&-", "| head -1", "| true", "2>&1 | true"),
        "2>&- | true",
    ],
)
def test_printing_never_stops_a_training(streams: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = "--examples 6000 --optimizer gradient-descent --max-iterations 30 --log-every 1 --checkpoint-every 10"
    done = shell(f"{TRAIN} {options} --out {out} {streams}")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert len(list(out.glob("checkpoints/checkpoint-*"))) == 3
    assert (out / "model.safetensors").exists()


@pytest.mark.job
def test_an_encoding_that_knows_no_theta(tmp_path: Path) -> None:
    arguments = [part for part in TRAINING if part != "--quiet"]
    done = python("-m", "distnn.train", *arguments, "--out", tmp_path / "run", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert ", ? tanh, " in done.stdout


@pytest.mark.job
def test_a_reader_that_does_not_read(tmp_path: Path) -> None:
    """As a pager that is left alone: the pipe is full, and stays so."""
    script = (
        "import runpy, sys\nfrom distnn.command_line import output\noutput.READER_SECONDS = 0.1\n"
        "from distnn.runs.reports.console import ConsoleReport\nsay = ConsoleReport.say\n"
        "ConsoleReport.say = lambda self, text: say(self, text * 1000)\n"
        "sys.argv[0] = 'train'\nrunpy.run_module('distnn.train', run_name='__main__', alter_sys=True)"
    )
    (tmp_path / "train.py").write_text(script)
    options = "--examples 6000 --optimizer gradient-descent --max-iterations 30 --log-every 1"
    reader = f"for i in {{1..300}}; do [[ -e {tmp_path}/run/result.json ]] && break; sleep 0.1; done"
    done = shell(f"{sys.executable} {tmp_path}/train.py {options} --out {tmp_path}/run | ({reader})")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "run"
    trained(out, *TRAINING)
    return out


PRODUCTS = {
    "help": "distnn.train --help",
    "config": "distnn.train --print-config",
    "dry run": "distnn.train --dry-run",
    "predict": "distnn.predict --model {model} --examples 9000",
    "predict's help": "distnn.predict --help",
    "evaluate": "distnn.evaluate --model {model} --examples 9000",
    "json": "distnn.evaluate --model {model} --examples 9000 --json",
    "verify": "distnn.verify --examples 500 --hidden 2 --steps 1 --simulate 2",
    "bench": "distnn.bench --help",
}


@pytest.mark.job
@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_that_is_lost(product: str, model: Path) -> None:
    command = f"{sys.executable} -m {PRODUCTS[product].format(model=model)}"
    for streams, why in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        done = shell(f"{command} {streams}")
        assert done.returncode in (1, 2)
        assert done.stderr == f"distnn: stdout cannot be written: {why}.\n"
    done = shell(f"{command} | head -1")
    assert (done.returncode, done.stderr) == (0, ""), "a reader has seen enough: that is no error"


@pytest.mark.job
def test_predictions_on_stdout_are_those_of_a_file_in_every_locale(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,kind\n" + "".join(f"{i},{'θω'[i % 2]}\n" for i in range(9)), encoding="utf-8")
    table = ("--data", tmp_path / "a.csv")
    trained(tmp_path / "run", *TRAINING, *table)
    predict = ("-m", "distnn.predict", "--model", tmp_path / "run", *table)
    done = python(*predict, env={"PYTHONIOENCODING": "ascii"})
    assert python(*predict, "--out", tmp_path / "b.csv").returncode == 0
    assert done.stdout == (tmp_path / "b.csv").read_text(encoding="utf-8")


def test_what_cannot_be_written_is_lost_and_remembered() -> None:
    read, write = os.pipe()
    out = Output(write, needed=True)
    assert out.write(b"abc") == 3
    assert out.error is None
    os.close(read)
    assert out.write(b"abc") == 3
    assert out.error is not None
    assert out.error.errno == errno.EPIPE
    os.close(write)
    assert out.write(b"abc") == 3
    assert out.error.errno == errno.EPIPE, "the first error is kept"


def test_what_nobody_reads_is_lost_if_it_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "READER_SECONDS", 0.05)
    read, write = os.pipe()
    out = Output(write, needed=False)
    written = 0
    while not out.stuck:
        written += out.write(bytes(1000))
    capacity = len(os.read(read, 1 << 20))
    assert 0 < capacity < written
    out.write(b"x" * 1000)
    assert os.read(read, 1 << 20) == b"x" * 1000, "it goes on with a reader that comes back"
    for end in (read, write):
        os.close(end)


@pytest.mark.job
def test_a_pipe_that_another_program_made_non_blocking() -> None:
    """All of a long text arrives where it is needed."""
    script = (
        "import os\nfrom distnn.command_line import output\nos.set_blocking(1, False)\noutput.install()\n"
        "print('x' * 1_000_000)"
    )
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c \"$0\" | (sleep 1; wc -c)", script],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("1000001", "")
