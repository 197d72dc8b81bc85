"""A program on all ranks, and from its end to an exit code."""

from __future__ import annotations

import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

from distnn.command_line import output
from distnn.command_line.arguments import asks_for_help
from distnn.command_line.exit_code import leave_word
from distnn.errors import BAD_USE, DONE, FAILED, RankError, UserError
from distnn.parallel.agreement import require_same
from distnn.parallel.launched import launched, launched_first
from distnn.parallel.launcher import connect, others_may_have_mpi
from distnn.parallel.ranks import OneRank, Ranks

FIRST_SECONDS = 2.0  # that the process launched first gets to say what is wrong with all


def run(program: Callable[[Ranks, Sequence[str]], int]) -> NoReturn:
    """Run program(ranks, arguments) on this rank, and leave with its exit code. Collective.

    A UserError is one sentence on stderr, from rank 0; a RankError the traceback of the rank that failed, once. Where
    it strikes one rank alone, that rank says it, and ends the job.
    Anything else has struck one rank alone: it prints its traceback and ends the whole job, so that no rank waits for
    it. Printing fails nowhere; where stdout lacks something of a program that needs it, the exit code is FAILED.
    """
    everyone: Ranks = OneRank()
    code = FAILED
    output.install()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # numpy's: a number that is not finite is said in words, where it matters
    try:
        if launched() or not asks_for_help(sys.argv[1:]):
            everyone = connect()
        with everyone.none_alone():
            require_same({"the command": sys.argv[1:]}, everyone)
            code = program(everyone, sys.argv[1:])
    except UserError as error:
        code = BAD_USE
        lonely = everyone.size == 1 and others_may_have_mpi()
        if lonely and not launched_first():
            time.sleep(FIRST_SECONDS)
        if everyone.rank == 0 and (lonely or launched_first()):
            print(f"distnn: {error}", file=sys.stderr, flush=True)
        if lonely:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)  # which a launcher notices also before MPI has begun
    except RankError as error:
        code = FAILED
        if everyone.rank == 0:
            print(f"distnn: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        if everyone.rank == 0:
            print("distnn: interrupted.", file=sys.stderr, flush=True)
        everyone.abort(128 + signal.SIGINT)
    except BaseException:
        print(f"distnn: rank {everyone.rank} failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        everyone.abort(FAILED)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it would stop nothing any more, and end Python with another code
    if everyone.rank == 0:
        if code == DONE and (why := output.missing()):
            code = FAILED
            print(f"distnn: stdout cannot be written: {why}.", file=sys.stderr)
        leave_word(code)
    sys.stdout.flush()
    sys.stderr.flush()
    everyone.leave(code)
