"""An exception that nothing catches on one rank ends all, and nobody who types."""

from __future__ import annotations

import builtins
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mpi_runner import mpirun

from distnn.errors import UserError
from distnn.parallel import uncaught
from distnn.parallel.launched import RANK_VARIABLES
from distnn.parallel.uncaught import EndOfAll, end_all_ranks


class Seen:
    """Ranks, of which the others come or not, and the hook that there was."""

    def __init__(self, rank: int, come: bool | Exception):
        self.rank, self.come = rank, come
        self.codes: list[int] = []
        self.printed: list[BaseException] = []

    def all_come(self, seconds: float) -> bool:
        if isinstance(self.come, Exception):
            raise self.come
        return self.come

    def abort(self, code: int) -> None:
        self.codes.append(code)

    def hook(self, monkeypatch: pytest.MonkeyPatch) -> EndOfAll:
        monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: self.printed.append(error))
        end_all_ranks(self)  # type: ignore[arg-type]
        hook = sys.excepthook
        assert isinstance(hook, EndOfAll)
        return hook


@pytest.mark.parametrize(
    ("rank", "error", "come", "printed", "codes"),
    [
        (1, KeyError("x"), False, 1, [1]),
        (0, KeyError("x"), ValueError("MPI has ended"), 1, [1]),
        (2, KeyboardInterrupt(), False, 1, [130]),
        (1, KeyError("x"), True, 1, []),
        (1, UserError("x"), False, 1, [1]),
        (1, UserError("x"), True, 0, []),
        (0, UserError("x"), True, 1, []),
    ],
)
def test_alone_or_with_all(
    rank: int, error: BaseException, come: Any, printed: int, codes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen(rank, come)
    seen.hook(monkeypatch)(type(error), error, None)
    assert (seen.printed, seen.codes) == ([error] * printed, codes)


@pytest.mark.parametrize("who", ["a prompt", "a notebook", "a forked process"])
def test_who_goes_on(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen(1, False)
    hook = seen.hook(monkeypatch)
    if who == "a prompt":
        monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    elif who == "a notebook":
        monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    else:
        hook.process = os.getpid() + 1
    for error in (KeyError("x"), UserError("y")):
        hook(type(error), error, None)
    assert (len(seen.printed), seen.codes) == (2, [])


def test_it_is_put_there_once_and_only_where_there_may_be_several(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = lambda kind, error, trace: None  # noqa: E731
    monkeypatch.setattr(sys, "excepthook", plain)
    for name in RANK_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    end_all_ranks()
    assert sys.excepthook is plain
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    end_all_ranks(Seen(1, False))  # type: ignore[arg-type]
    assert sys.excepthook is plain
    monkeypatch.delattr(builtins, "__IPYTHON__")
    monkeypatch.setenv(RANK_VARIABLES[0], "1")
    end_all_ranks()
    hook: Any = sys.excepthook
    assert isinstance(hook, EndOfAll) and hook.ranks is None
    end_all_ranks(Seen(2, False))  # type: ignore[arg-type]
    assert sys.excepthook is hook and hook.ranks.rank == 2 and hook.before is plain


@pytest.mark.mpi(min_size=2)
def test_before_distnn_is_used_all_ranks_are_meant(comm: Any) -> None:
    everyone = uncaught._everyone()
    assert everyone is not None and (everyone.rank, everyone.size) == (comm.rank, comm.size)


SCRIPT = """
import distnn
import numpy as np
from mpi4py import MPI

rank = MPI.COMM_WORLD.rank
X = np.arange(12.0).reshape(6, 2) ** (rank + 1)
distnn.fit(X, X[:, 0] + rank, hidden=(2,), max_iterations=1)
if rank == 1:
    raise KeyError("only here")
distnn.fit(X, X[:, 0] + rank, hidden=(2,), max_iterations=1)
"""


@pytest.mark.job
def test_between_two_calls_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = mpirun(3, script)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("KeyError: 'only here'") == 1, done.stderr
    assert "distnn: rank 1 has ended by KeyError, alone: this ends all ranks." in done.stderr
