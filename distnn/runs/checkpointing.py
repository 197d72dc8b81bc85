"""When a checkpoint is due, what it holds, how it is written, and the way back from it."""

from __future__ import annotations

from distnn.data.fingerprints import is_same_table
from distnn.errors import UserError
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks, on_root
from distnn.runs.assembly import Assembly
from distnn.runs.directory import Description, RunDirectory
from distnn.runs.options import SETTINGS, group
from distnn.runs.reports import Report
from distnn.runs.resume import compare
from distnn.storage.checkpoint import Found
from distnn.training.progress import Progress
from distnn.training.record import Record


class Checkpointing:
    """The checkpoints of one run. description: of the run; it stands in each of them."""

    def __init__(self, assembly: Assembly, directory: RunDirectory, description: Description, report: Report):
        self.options, self.assembly, self.directory = assembly.options, assembly, directory
        self.description, self.report = description, report
        self.written = 0.0  # seconds of the record at the last checkpoint

    def due(self, record: Record) -> bool:
        """Is it time for a checkpoint? The first one, before any step, shows that they can be written. Local."""
        every, seconds = self.options.checkpoint_every, self.options.checkpoint_seconds
        if record.t == 0:
            return not self.options.resume
        return bool(every and record.t % every == 0) or bool(seconds and record.seconds - self.written >= seconds)

    def write(self, progress: Progress) -> str | None:
        """Write a checkpoint. Returns what went wrong, which is no reason to stop training. Local to rank 0."""
        assert progress.record is not None
        self.written = progress.record.seconds
        model = self.assembly.model
        metadata = {
            "model": model.metadata(),
            "progress": progress.metadata(),
            "options": self.description.options,
            "fingerprint": self.assembly.examples.fingerprint,
            "environment": self.description.environment,
        }
        try:
            if self.directory.remake(self.description):
                self.report.warn(f"{self.directory.path} was deleted, and is made anew; older checkpoints are lost.")
            # The records of all that the checkpoint knows must outlive this process too.
            if lost := self.directory.metrics.flush():
                self.report.warn(lost)
            best = {**model.tensors(), "w": progress.best_w}  # the model is that of the best weights so far
            self.directory.checkpoints.write(progress.record.t, best, progress.tensors(), metadata)
        except (OSError, MemoryError, UserError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            wrong = f"the checkpoint of t = {progress.record.t} cannot be written: {why}."
            self.report.warn(f"{wrong} Older checkpoints are untouched.")
            return wrong
        return None

    def resume(self, ranks: Ranks) -> Progress:
        """The progress at the newest checkpoint that can be read. Collective, replicated.

        UserError if there is none, or if it is of other data, of another network or of other options.
        """
        found: Found = on_root(ranks, self.directory.checkpoints.newest)
        changes = compare(found, self.options, self.directory.options)
        weights, fingerprint = self.assembly.model.network.w.size, self.assembly.examples.fingerprint
        progress = restore(found, fingerprint, weights, self.options.window, self.assembly.examples.cut.fewest)
        assert progress.record is not None
        self.written = progress.record.seconds
        for sentence in found.damaged:
            self.report.warn(f"{sentence} Going back to {found.path.name}.")
        was = found.metadata["environment"]
        if changed := environment.compare_times(was, self.description.environment):
            self.report.warn(changed)
        for name, sentence in changes.items():  # settings of an optimizer change the weights
            (self.report.warn if group(name) == SETTINGS else self.report.say)(sentence)
        self.report.say(f"resumed at t = {progress.record.t} from {found.path}")
        return progress


def restore(found: Found, fingerprint: str, weights: int, window: int, block_rows: int) -> Progress:
    """The progress that a checkpoint holds. Local. UserError if it is of other data or of another network.

    window: iterations over which the improvement is taken from now on. block_rows: of the record of this environment.
    """
    try:
        stored, best_w, was = found.metadata["progress"], found.model["w"], str(found.metadata["fingerprint"])
        in_same_blocks = found.metadata["environment"].get("block_rows", block_rows) == block_rows
    except (KeyError, TypeError, AttributeError):
        raise UserError(f"{found.path} does not hold the state of a training.") from None
    progress = Progress.restore(found.progress, best_w, stored, window, str(found.path))
    if progress.state.w.size != weights:
        raise UserError(f"{found.path} is of a network with {progress.state.w.size} weights; this one has {weights}.")
    if not is_same_table(was, fingerprint, in_same_blocks):
        raise UserError(
            f"The data is not what {found.path} was trained on: rows, values or columns differ. "
            "Give the same --data, or begin a new run with another --out."
        )
    return progress
