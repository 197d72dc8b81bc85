"""The errors that a person sees, the one that the program recovers from, and the exit codes."""

DONE = 0
FAILED = 1
BAD_USE = 2
STOPPED = 75  # EX_TEMPFAIL: stopped early with a checkpoint, worth submitting again


class UserError(ValueError):
    """Bad use or bad data: one sentence that says what was wrong, where, and what to do.

    Printed by rank 0 without a traceback; the job ends with exit code 2. A ValueError, as callers from Python expect
    it: an `except ValueError` here must not catch one that is on its way.
    """


class RankError(RuntimeError):
    """A rank failed with an unexpected exception; the text holds that rank's traceback.

    Raised on all ranks together; the job ends with exit code 1.
    """


class RanksLost(RuntimeError):
    """Ranks of an elastic job have died, or another rank says so. Those that are left can go on without them.

    Raised by whatever communicates, not on all ranks at the same place; see elastic.py.
    """


def missing_package(package: str, extra: str, purpose: str) -> UserError:
    """The error for an optional package that is not installed, with the command that installs it."""
    return UserError(f"{purpose} needs the package {package}. Install it with: pip install 'distnn[{extra}]'")
