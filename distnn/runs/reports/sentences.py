"""What a run says of itself: at its beginning, after an iteration and at its end."""

from __future__ import annotations

import math
import tempfile

from distnn.data.tables import Source
from distnn.kernels.memory import amount
from distnn.parallel.allowance import is_memory
from distnn.runs.assembly import Assembly
from distnn.training.progress import Progress
from distnn.training.record import Record
from distnn.words import many, rounded


def opening(source: Source, assembly: Assembly, ranks: int) -> list[str]:
    """What is going to be trained on so many ranks, in sentences."""
    model, examples, cut = assembly.model, assembly.examples, assembly.examples.cut
    held = f", {examples.validation_rows:,} held out" if examples.validation_rows else ""
    held += f", {examples.test_rows:,} kept for the test" if examples.test_rows else ""
    classes = model.preparation.classes
    idle = ranks - cut.count
    sentences = [
        f"{source.path}: {many(examples.rows, 'example')}{held}"
        + (f", {len(classes.names)} classes" if classes else "")
        + f"; {many(cut.count, 'block')} of {many(cut.rows, 'row')} on {many(ranks, 'rank')}"
        + (f", of which {idle:,} {'has' if idle == 1 else 'have'} no work" if idle > 0 else "")
    ]
    if left_out := source.n - examples.rows - examples.validation_rows - examples.test_rows:
        why = "of weight 0" if not model.preparation.leave_out else "with missing values or of weight 0"
        sentences.append(f"{many(left_out, 'row')} {why} left out")
    if examples.in_files:
        sentences.append(_beyond_memory(assembly))
    sentences += assembly.notes
    if assembly.why:
        sentences.append(f"optimizer: {assembly.why}")
    sentences.append(
        f"d = {list(model.network.d)}, {many(model.network.w.size, 'weight')}, θ {model.network.theta}, output "
        f"{model.network.output_theta}, {model.error} error, {assembly.options.optimizer}, {model.dtype}"
    )
    return sentences


def _beyond_memory(assembly: Assembly) -> str:
    """Where the rows are that are not in memory, and what to do where that is no disk."""
    folder = assembly.options.scratch or tempfile.gettempdir()
    said = f"{amount(assembly.examples.in_files)} of rows beyond --memory are in {folder}, and are read in each pass"
    if is_memory(folder):
        return f"{said}; that folder is in memory, too: give --scratch a folder on a disk"
    return said


def ending(
    progress: Progress,
    E_in: float | None,
    E_test: float | None = None,
    shares: tuple[float, float] | None = None,
    ranks: int = 1,
) -> list[tuple[str, str]]:
    """The rows of the last table, which is of the weights that were kept, those of progress.best_t.

    E_in, E_test: theirs, None if it is not known. shares: the least and the most of the training's time that one of so
    many ranks spent in communication; one rank alone spends none, and the table is silent about it.
    """
    record, reason = progress.record, progress.reason
    assert record is not None and reason is not None
    rows = [("stopped because", reason.text), ("what next", reason.advice)]
    if E_in is not None:
        rows.append(("E_in", f"{E_in:.6g}"))
    if math.isfinite(progress.best_E_val):
        rows.append(("E_val", f"{progress.best_E_val:.6g}"))
    if E_test is not None:
        rows.append(("E_test", f"{E_test:.6g}"))
    if not math.isnan(record.evidence):
        rows.append(("log evidence", f"{record.evidence:.6g}"))
        rows.append(("γ", f"{record.gamma:.6g} of {len(progress.state.w):,} weights"))
    if progress.best_t != record.t or math.isfinite(progress.best_E_val):
        rows.append(("weights kept", f"t {progress.best_t} of {record.t}"))
    rows.append(
        (
            "iterations",
            f"{record.t} ({record.evaluations:.6g} {'pass' if record.evaluations == 1 else 'passes'} over D)",
        )
    )
    rows.append(("time", duration(record.seconds)))
    if shares is not None:
        least, most = shares
        for name, low, high in (("computing", 1 - most, 1 - least), ("communication", least, most)):
            said = f"{100 * low:.1f} to {100 * high:.1f} % of the time, least and most of {ranks:,} ranks"
            rows.append((name, said))
    return rows


def line(record: Record) -> str:
    """One line of a log file."""
    return f"t {record.t:<8d} {numbers(record)}  {record.seconds:.1f} s"


def numbers(record: Record) -> str:
    """Errors, gradient and speed of an iteration, in words."""
    parts = [f"E_in {record.E_in:<12.6g}"]
    if not math.isnan(record.E_val):
        parts.append(f"E_val {record.E_val:<12.6g}")
    parts.append(f"|G| {record.gradient_norm:<10.3g}")
    if not math.isnan(record.evidence):
        parts.append(f"log evidence {record.evidence:<10.6g}  γ {record.gamma:<8.4g}")
    if math.isfinite(record.examples_per_second):
        parts.append(f"{rounded(record.examples_per_second)} examples/s")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Seconds in the units that a person would use."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {rest:02d} s" if hours else f"{minutes} min {rest:02d} s"
