"""Small trainings as jobs: their options, what they write, and how a test waits for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from patience import PATIENCE
from safetensors.numpy import load_file

from distnn.parallel.ranks import OneRank
from distnn.train import main

INJECT = Path(__file__).with_name("inject.py")
BASE = ("--examples", "6000", "--optimizer", "gradient-descent", "--quiet")
TRAINING = (*BASE, "--max-iterations", "30")
EVERY_THREE = (*TRAINING, "--checkpoint-every", "3")


def trained(out: Path, *options: str | Path) -> None:
    """A training in this process, without MPI: what a job has to be like, or goes on with what one has left.

    To start Python takes ten times as long as such a training.
    """
    assert main(OneRank(), [*map(str, options), "--out", str(out)]) == 0


def model(out: Path) -> dict[str, list[Any]]:
    """The tensors of the model in a run's directory, to be compared to the bit."""
    return {name: value.tolist() for name, value in load_file(out / "model.safetensors").items()}


def metrics(out: Path) -> list[dict[str, Any]]:
    """The records so far; a last line that is only half there is left out."""
    try:
        lines = (out / "metrics.jsonl").read_text().splitlines(keepends=True)
    except OSError:
        return []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def newest(out: Path) -> int:
    """The iteration of the newest checkpoint, -1 if there is none."""
    return max((int(path.stem.split("-")[1]) for path in out.glob("checkpoints/checkpoint-*")), default=-1)


def wait_until(condition: Any, what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def stat(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
