"""Which trackers there are, and in what words options reach a service."""

from __future__ import annotations

from pathlib import Path

import pytest
from tracking import course

from distnn.errors import DONE, FAILED, STOPPED, UserError
from distnn.runs import trackers
from distnn.runs.trackers.tracker import Outcome, known, plain


def test_services_get_words_and_numbers() -> None:
    given = {"hidden": (30, 30), "eta": 0.1, "quick": True, "none": None, "features": ["a", "b"], "of": 3}
    assert plain(given) == {"hidden": "30 30", "eta": 0.1, "quick": True, "features": "a b", "of": 3}
    assert known({"t": 3, "E_in": 0.5, "E_val": None}) == {"E_in": 0.5}


def test_what_an_outcome_means() -> None:
    done, stopped, failed = map(Outcome, (DONE, STOPPED, FAILED))
    assert (done.done, stopped.done, failed.done) == (True, False, False)
    assert (done.interrupted, stopped.interrupted, failed.interrupted) == (False, True, False)


def test_one_of_several_runs_is_called_as_all_of_them_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = {"forest/member-003": ("forest/member-003", "forest"), "lift": ("lift", None), "member-x": ("member-x", None)}
    for folder, names in of.items():
        (tmp_path / folder).mkdir(parents=True)
        made = course(tmp_path / folder)
        assert (made.name, made.farm) == names
    monkeypatch.chdir(tmp_path / "lift")
    assert course(Path()).name == "lift"


def test_a_tracker_that_there_is_not() -> None:
    with pytest.raises(UserError, match=r"--track tensorbord: choose from csv, tensorboard, mlflow, wandb\.$"):
        trackers.require(["csv", "tensorbord"])


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trackers.TRACKERS, "mlflow", "no_such_package")
    with pytest.raises(UserError, match=r"needs the package no_such_package: pip install 'distnn\[mlflow\]'\.$"):
        trackers.require(["csv", "mlflow"])
