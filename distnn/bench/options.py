"""The options of `python -m distnn.bench`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from distnn.bench import drawing
from distnn.bench.workloads import WORKLOADS
from distnn.errors import UserError

MEASUREMENT, OUTPUT, PREDICTION = "Measurement", "Output", "Prediction"


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Options of the command."""

    workload: Annotated[
        tuple[str, ...], MEASUREMENT, f"Workloads to measure: {', '.join(WORKLOADS)}. Default: all."
    ] = ()
    turns: Annotated[int, MEASUREMENT, "How often each contender is measured, in turns."] = 7
    peers: Annotated[bool, MEASUREMENT, "Measure the other packages, too."] = True
    device: Annotated[
        Literal["gpu", "xla-cpu"] | None,
        MEASUREMENT,
        "Measure train --device, too, and what JAX and PyTorch take on the same device.",
    ] = None
    rows: Annotated[int | None, MEASUREMENT, "So many rows, instead of each workload's own."] = None
    quick: Annotated[bool, MEASUREMENT, "A hundredth of the rows, two turns: to try the command out."] = False
    series: Annotated[
        bool, MEASUREMENT, "Instead of the workloads: how time and memory grow with n and with |W|, 10³ to 10⁷."
    ] = False
    json: Annotated[str | None, OUTPUT, "File to write all numbers to."] = None
    figure: Annotated[str | None, OUTPUT, "Figure to draw, .png, .svg or .pdf."] = None
    overwrite: Annotated[bool, OUTPUT, "Replace files that are there already."] = False
    predict: Annotated[
        str | None, PREDICTION, "Numbers of ranks to predict times for, first..last, such as 1..4096."
    ] = None
    alpha: Annotated[
        float | None, PREDICTION, "Seconds that a message takes, however short. Default: measured between the ranks."
    ] = None
    beta: Annotated[
        float | None, PREDICTION, "Seconds that a byte of a message takes. Default: measured between the ranks."
    ] = None

    @property
    def names(self) -> tuple[str, ...]:
        """The workloads chosen."""
        return self.workload or tuple(WORKLOADS)

    @property
    def range(self) -> tuple[int, int] | None:
        """The first and last number of ranks to predict."""
        if self.predict is None:
            return None
        first, _, last = self.predict.partition("..")
        return int(first), int(last or first)


def check(options: BenchOptions, size: int) -> None:
    """UserError for values that make no sense. size: the number of ranks. Local."""
    for name in options.workload:
        if name not in WORKLOADS:
            raise UserError(f"There is no workload {name!r}. Choose from: {', '.join(WORKLOADS)}.")
    if options.series and options.device:
        raise UserError("--series is measured on the CPU: leave out --device.")
    if options.rows is not None and (options.rows < 1 or options.quick or options.series):
        raise UserError("--rows needs a number of at least 1, and neither --quick nor --series.")
    if options.turns < 1:
        raise UserError("--turns needs to be at least 1.")
    if options.series and (options.workload or options.figure or options.predict):
        raise UserError("--series is measured alone: leave out --workload, --figure and --predict.")
    if options.figure is not None:
        drawing.check(options.figure)
    if (options.alpha is None) != (options.beta is None):
        raise UserError("--alpha and --beta go together.")
    if options.predict is None:
        if options.alpha is not None:
            raise UserError("--alpha and --beta are for --predict: add --predict 1..4096.")
        return
    try:
        first, last = options.range or (0, 0)
    except ValueError:
        first, last = 0, 0
    if not 1 <= first <= last <= 1_000_000:
        raise UserError(f"--predict {options.predict}: write the first and last number of ranks, such as 1..4096.")
    if size == 1 and options.alpha is None:
        raise UserError(
            "--predict on one rank has no network to measure: run it under mpirun -n 2, or give --alpha (seconds a "
            "message) and --beta (seconds a byte), such as --alpha 2e-6 --beta 1e-10 for a 100 Gbit/s network."
        )
    for name in ("alpha", "beta"):
        value = getattr(options, name)
        if value is not None and not 0 <= value < 1:
            raise UserError(f"--{name} {value:g} needs to be a time in seconds, from 0 to 1.")
