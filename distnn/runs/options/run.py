"""What is written, and how the job behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from distnn.declared import AtLeast
from distnn.errors import UserError
from distnn.parallel import allowance
from distnn.resilience.watchdog import SECONDS, WORDS
from distnn.runs.trackers import TRACKERS, require

RUN = "Run and files"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The directory, its checkpoints, checks of the ranks, and what is printed."""

    out: Annotated[
        str | None,
        RUN,
        "Directory of the run: options, metrics, checkpoints, model. Default: runs/ and the date and time.",
    ] = None
    overwrite: Annotated[
        bool,
        RUN,
        "Begin anew in a directory that holds a run already; that run is lost.",
    ] = False
    resume: Annotated[
        bool,
        RUN,
        "Go on from the newest checkpoint in --out, on any number of ranks, with that run's options.",
    ] = False
    checkpoint_every: Annotated[
        int,
        RUN,
        "Iterations between checkpoints. 0: by time only.",
        AtLeast(0),
    ] = 0
    checkpoint_seconds: Annotated[
        float,
        RUN,
        "Seconds between checkpoints. 0: by iterations only.",
        AtLeast(0),
    ] = 300.0
    keep: Annotated[
        int,
        RUN,
        "Checkpoints kept, at least 2.",
        AtLeast(2),
    ] = 3
    check_every: Annotated[
        int,
        RUN,
        "Iterations between checks that all ranks still hold the same weights, also at the end. 0: never.",
        AtLeast(0),
    ] = 100
    watchdog: Annotated[
        float,
        RUN,
        WORDS,
        AtLeast(0),
    ] = SECONDS
    elastic: Annotated[
        bool,
        RUN,
        "Where ranks die, go on with those that are left: Open MPI, mpirun --with-ft ulfm.",
    ] = False
    memory: Annotated[
        str | None,
        RUN,
        "Memory for the rows of a rank, such as 4G; the rest of them is kept in --scratch and read in each pass. "
        "Default: three quarters of a rank's share of what the machine and the job's limits allow.",
    ] = None
    scratch: Annotated[
        str | None,
        RUN,
        "Folder for rows beyond --memory, on a disk of the node's own. Default: $TMPDIR, or /tmp.",
    ] = None
    log_every: Annotated[
        int,
        RUN,
        "Iterations between lines of a log file. 0: at growing intervals.",
        AtLeast(0),
    ] = 0
    track: Annotated[
        tuple[str, ...],
        RUN,
        f"Show the run's course elsewhere, too: one or more of {', '.join(TRACKERS)}.",
    ] = ()
    quiet: Annotated[
        bool,
        RUN,
        "Print errors only.",
    ] = False


def check(options: RunOptions) -> None:
    """Raise UserError, one sentence, for a value that makes no sense. Local."""
    if options.resume and options.overwrite:
        raise UserError("--resume and --overwrite contradict each other: give one of them.")
    if options.memory is not None:
        allowance.parse(options.memory)
    require(options.track)
