"""Trainings on an accelerator, on one, two and three ranks at once. A program for mpirun, on three ranks.

    mpirun -n 3 python tests/support/device_trainings.py OUT DEVICE CASE...

trains each CASE into OUT/3, by all ranks, OUT/2, by the first two, and OUT/1, by the last one; and the first of them
into OUT/begun, where it ends after a few iterations.
"""

from __future__ import annotations

import sys
from pathlib import Path

from distnn import train
from distnn.parallel import launcher
from distnn.parallel.ranks import Ranks

PROGRAM = Path(__file__)
ITERATIONS, FEW = 6, 2
CASES = {
    "lbfgs": ["--optimizer", "lbfgs", "--dtype", "float32", "--validation", "0.1"],
    "gradient-descent": ["--optimizer", "gradient-descent", "--test", "0.1"],
    "levenberg-marquardt": ["--optimizer", "levenberg-marquardt"],
    "truncated-newton": ["--optimizer", "truncated-newton"],
    "sgd": ["--optimizer", "sgd", "--batch-size", "5000"],
}


def training(ranks: Ranks, out: Path, device: str, case: str, iterations: int = ITERATIONS) -> None:
    options = ["--examples", "20000", "--hidden", "12", "8", "--device", device, *CASES[case], "--quiet"]
    code = train.main(ranks, [*options, "--out", str(out), "--max-iterations", str(iterations)])
    assert code == 0, (case, code)


def main(out: Path, device: str, cases: list[str]) -> None:
    ranks = launcher.connect()
    assert ranks.size == 3
    group = ranks.split(int(ranks.rank == 2))
    for case in cases:
        training(ranks, out / "3" / case, device, case)
        training(group, out / str(group.size) / case, device, case)
    training(ranks, out / "begun", device, cases[0], FEW)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
