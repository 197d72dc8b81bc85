"""The file STOP and the clock stop a training like a signal."""

from __future__ import annotations

import math
from pathlib import Path

from distnn.parallel.ranks import OneRank
from distnn.resilience.stop_requests import StopRequests
from distnn.resilience.time_limit import TimeLimit
from distnn.training.interruption import PRUNED, STOP_FILE, TIME_LIMIT, TIME_USED


def requests(folder: Path, max_seconds: float | None = None, left: float = math.inf) -> StopRequests:
    return StopRequests(OneRank(), folder / "STOP", TimeLimit(max_seconds, 0, lambda: left))


def test_the_file_is_looked_for_once_a_second(tmp_path: Path) -> None:
    found = requests(tmp_path)
    found.look(1.5)
    (tmp_path / "STOP").touch()
    found.look(2.0)
    assert found.ranks.stop_request == 0
    found.look(2.6)
    assert found.ranks.stop_request == STOP_FILE


def test_time_that_is_used_up_is_that_of_one_training_alone(tmp_path: Path) -> None:
    found = requests(tmp_path, max_seconds=0)
    found.look(0.1)
    assert found.ranks.stop_request == TIME_USED
    found.forget()
    assert found.ranks.stop_request == 0


def test_the_limit_of_the_job_stands(tmp_path: Path) -> None:
    found = requests(tmp_path, left=0)
    found.look(0.1)
    found.forget()
    assert found.ranks.stop_request == TIME_LIMIT


def test_a_signal_is_not_forgotten_by_looking(tmp_path: Path) -> None:
    found = requests(tmp_path)
    found.ranks.stop_request = 15
    found.look(0.1)
    found.forget()
    assert found.ranks.stop_request == 15


def test_one_training_is_pruned_and_the_next_one_is_not_but_a_signal_ends_both(tmp_path: Path) -> None:
    found = StopRequests(OneRank(), tmp_path / "STOP", TimeLimit(None, 0, lambda: math.inf), lambda: PRUNED)
    found.look(0.1)
    assert found.ranks.stop_request == PRUNED
    found.forget()
    assert found.ranks.stop_request == 0
    found.ranks.stop_request = 15
    found.look(0.2)
    found.forget()
    assert found.ranks.stop_request == 15
