"""Trainings that must end in the same bits everywhere. A program for mpirun, and what reads the result.

    mpirun -n 3 python tests/support/reproducibility_cases.py DATA OUT ITERATIONS CASE... [-- OPTION...]

trains each CASE on the tables in the folder DATA, each in a run directory of its own in OUT, in one job.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from distnn import train
from distnn.optimizers import OPTIMIZERS
from distnn.parallel import launcher
from distnn.runs.directory import RunDirectory
from distnn.storage import files

N = 7919  # a prime: a multiple of nothing
WEIGHTED = ["--data", "weighted.npy", "--targets", "5", "--weights", "6", "--hidden", "9", "5"]
WORDS = ["--data", "words.csv", "--targets", "kind", "--hidden", "7"]

PROGRAM = Path(__file__)
CASES: dict[str, list[str]] = {
    "full": [*WEIGHTED[:4], "--hidden", "11"],
    "weights-validation": [*WEIGHTED, "--validation", "0.13", "--weight-decay", "1e-3"],
    "logistic": [*WEIGHTED[:4], "--hidden", "11", "--theta", "logistic"],
    "classes-float32": [*WORDS, "--dtype", "float32", "--validation", "0.1", "--intervals", "all"],
    "relu-not-standardised": [*WEIGHTED, "--no-standardise", "--theta", "relu", "--dtype", "float32"],
    "sgd": [*WEIGHTED, "--optimizer", "sgd", "--batch-size", "37", "--validation", "0.13"],
    "sgd-many-blocks-float32": [*WORDS, "--optimizer", "sgd", "--batch-size", "5001", "--dtype", "float32"],
    "sgd-one-example": [*WEIGHTED[:4], "--optimizer", "sgd", "--evaluate-every", "2"],
    "wide-range": ["--data", "range.npy", "--targets", "-1", "--hidden", "6"],
    "fewer-rows-than-ranks": ["--data", "tiny.npy", "--hidden", "3"],
    **{
        f"optimizer-{name}": [*WEIGHTED[:4], "--hidden", "4", "--optimizer", name]
        + ([] if "validation" in getattr(kind, "excludes", {}) else ["--validation", "0.2"])
        + (["--intervals", "all"] if name == "bayesian" else [])
        for name, kind in OPTIMIZERS.items()
    },
}
PLAIN = {"plain": [*CASES["full"], "--reduction", "plain"]}  # depends on the order of the sums


def write_tables(folder: Path) -> None:
    """The tables of the cases."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(N, 5)) * [1, 10, 0.1, 1e3, 1] + [0, 5, 0, 1e6, 0]
    y = np.tanh(X[:, 0]) + 0.2 * X[:, 1] + 0.1 * generator.normal(size=N)
    np.save(folder / "weighted.npy", np.column_stack([X, y, generator.integers(0, 4, N) / 3]))
    np.save(folder / "tiny.npy", np.column_stack([X, y])[:3])
    spread = 10.0 ** generator.uniform(-300, 300, (N, 4)) * generator.choice([-1, 1], (N, 4))
    scales = np.array([1e-300, 1e-150, 1e150, 1e300])
    np.save(folder / "range.npy", np.column_stack([generator.normal(size=(N, 4)) * scales, spread, y * 1e290]))
    words = np.array(["red", "green", "blue"])[(X[:, 0] > 0) + (X[:, 4] > 1).astype(int)]
    lines = [f"{a!r},{b!r},{word}\n" for a, b, word in zip(X[:, 0].tolist(), X[:, 4].tolist(), words, strict=True)]
    (folder / "words.csv").write_text("a,b,kind\n" + "".join(lines))


def digest(run: Path) -> str:
    """A hash of all that a run's last checkpoint holds and the bits of which are promised; and of the covariance of
    the weights, which stands in the model alone."""
    path = RunDirectory(run).checkpoints.paths()[0]
    tensors, metadata = files.read(path)
    progress = metadata["progress"]
    record = {name: value for name, value in progress.pop("record").items() if "second" not in name}
    words = [metadata["model"], progress, record, metadata["fingerprint"]]
    hashed = hashlib.sha256(repr(words).encode())
    model, _ = files.read(run / "model.safetensors")
    tensors |= {name: value for name, value in model.items() if name.startswith("certainty")}
    for name, value in sorted(tensors.items()):
        hashed.update(name.encode() + np.ascontiguousarray(value).tobytes())
    return hashed.hexdigest()


def main(arguments: list[str]) -> None:
    more = []
    if "--" in arguments:
        place = arguments.index("--")
        arguments, more = arguments[:place], arguments[place + 1 :]
    data, out, iterations, *cases = arguments
    ranks = launcher.connect()
    for case in cases:
        options = list({**CASES, **PLAIN}[case])
        options[1] = str(Path(data) / options[1])
        options += ["--out", str(Path(out) / case), "--max-iterations", iterations, "--quiet", *more]
        code = train.main(ranks, options)
        assert code == 0, (case, code)


if __name__ == "__main__":
    main(sys.argv[1:])
