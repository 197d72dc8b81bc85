"""The errors that a person sees, the one that the program recovers from, and the exit codes."""

import resource
import sys
import warnings

DONE = 0
FAILED = 1
BAD_USE = 2
STOPPED = 75  # EX_TEMPFAIL: stopped early with a checkpoint, worth submitting again


class UserError(ValueError):
    """Bad use or bad data: one sentence that says what was wrong, where, and what to do.

    Printed by rank 0 without a traceback; the job ends with exit code 2. A ValueError, as callers from Python expect
    it: an `except ValueError` here must not catch one that is on its way.
    """


class TooLittleRoom(UserError):
    """What a rank is asked to hold does not fit into its memory or onto its disk."""


class RankError(RuntimeError):
    """A rank failed with an unexpected exception; the text holds that rank's traceback.

    Raised on all ranks together; the job ends with exit code 1.
    """


class RanksLost(RuntimeError):
    """Ranks of an elastic job have died, or another rank says so. Those that are left can go on without them.

    Raised by whatever communicates, not on all ranks at the same place; see elastic.py.
    """


def missing_package(package: str, extra: str, purpose: str) -> UserError:
    """The error for an optional package that is not installed, with the command that installs it.

    Called where an import has failed: a package that is there, but cannot be loaded, is not said to be missing.
    """
    error = sys.exception()
    if isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError):
        return UserError(
            f"{purpose} needs the package {package}, which cannot be loaded: {error}. If that is not for want of "
            f"memory, install it anew: pip install 'distnn[{extra}]'"
        )
    return UserError(f"{purpose} needs the package {package}. Install it with: pip install 'distnn[{extra}]'")


def shown(value: object) -> str:
    """What a caller from Python gives, inside a sentence: on one line, and not too long."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # whole numbers of more than 4,300 digits
        text = "a number too long to be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."


def require_flag(name: str, value: object) -> None:
    """UserError unless what a caller from Python gives is true or false."""
    if not isinstance(value, int) and not type(value).__name__.startswith("bool"):  # numpy's
        raise UserError(f"{name}={shown(value)}: give True or False.")


def memory_taken() -> int:
    """The largest memory of this process so far, in bytes. Linux counts it in kB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def out_of_memory(error: MemoryError, rank: int) -> TooLittleRoom:
    """The error for memory that a rank did not get: how much that was, as far as is known, and how to need less."""
    taken = memory_taken() / 2**30
    wanted = str(error).rstrip(".") or "an array does not fit into what is left"
    return TooLittleRoom(
        f"rank {rank} has too little memory: {wanted}, and it had taken {taken:.1f} GiB at most. Run fewer ranks on a "
        "node, or ask for more memory; a training needs less with a lower --memory, and half with --dtype float32."
    )


def deprecated(what: str, instead: str, gone: str) -> None:
    """Warn who calls our caller that `what` is going away; gone: the version that lacks it. See docs/api.md."""
    warnings.warn(f"{what} is going to be removed in distnn {gone}: use {instead}.", FutureWarning, stacklevel=3)
