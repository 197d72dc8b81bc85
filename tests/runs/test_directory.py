"""The directory of a run: made, never lost by mistake, begun anew, and restored."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from distnn import UserError
from distnn.errors import DONE, STOPPED, RankError
from distnn.runs.directory import Description, RunDirectory
from distnn.runs.options import Options, stored
from distnn.storage import files
from distnn.training.record import Record

DESCRIPTION = Description(stored(Options(seed=3)), {"numpy": "2", "blas": "none"})


def begun(folder: Path, overwrite: bool = False) -> RunDirectory:
    directory = RunDirectory(folder)
    directory.create(overwrite)
    directory.begin(DESCRIPTION)
    return directory


def test_a_run_is_not_lost_by_mistake(tmp_path: Path) -> None:
    directory = begun(tmp_path / "deep" / "run")
    directory.claim.release()
    assert directory.options.read_text() == DESCRIPTION.options
    assert json.loads(directory.environment.read_text()) == DESCRIPTION.environment
    with pytest.raises(UserError, match=r"holds a run already: .*--resume, .*--overwrite"):
        RunDirectory(directory.path).create(overwrite=False)
    RunDirectory(directory.path).create(overwrite=True)


def test_directories_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    assert len({RunDirectory.of_now(tmp_path / "runs").path for _ in range(4)}) == 4
    assert len(list((tmp_path / "runs").iterdir())) == 4


@pytest.mark.timeout(60)
@pytest.mark.parametrize("link", [False, True])
def test_where_no_folder_of_runs_can_be_made(link: bool, tmp_path: Path) -> None:
    """A file is in its place, or a link that leads nowhere."""
    runs = tmp_path / "runs"
    runs.symlink_to(tmp_path / "none") if link else runs.touch()
    with pytest.raises(UserError, match=r"cannot be written \(.*/runs\): Not a directory"):
        RunDirectory.of_now(runs)


def test_where_a_member_cannot_be_begun(tmp_path: Path) -> None:
    """Which is no bad use any more: others have been trained."""
    directory = begun(tmp_path)
    (directory.path / "trial-001/options.toml").mkdir(parents=True)
    with pytest.raises(RankError, match=r"trial-001 cannot be written \(.*\): .*\. Go on with --resume\."):
        directory.member("trial-001").describe(Description("", {}))


def test_beginning_removes_what_another_run_left(tmp_path: Path) -> None:
    directory = begun(tmp_path)
    for one in (directory, directory.member("restart-000"), directory.member("restart-002")):
        one.begin(DESCRIPTION)
        one.metrics.append(Record(1, 0.5), at_once=True)
        one.finish({"t": 1, "E_in": 0.5, "code": DONE})
        one.checkpoints.write(0, {}, {}, {})
        files.write(one.model, {}, {})
        (one.path / ".options.toml.12345678").touch()
    directory.stop.touch()
    directory.claim.release()
    again = begun(tmp_path, overwrite=True)
    again.claim.release()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["environment.json", "options.toml"]


def test_only_a_directory_that_was_made_and_is_empty_is_discarded(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for path, made in ((mine, False), (tmp_path / "new", True)):
        directory = RunDirectory(path)
        directory.create(overwrite=False)
        directory.discard()
        assert path.exists() is not made
    directory = begun(tmp_path / "used")
    directory.discard()
    assert directory.options.exists()


def test_one_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    directory = begun(tmp_path / "run")
    directory.metrics.append(Record(1, 0.5), at_once=True)
    assert not directory.remake(DESCRIPTION)
    for path in (directory.options, directory.environment, directory.metrics.path):
        path.unlink()
    shutil.rmtree(directory.path)
    assert directory.remake(DESCRIPTION)
    directory.metrics.append(Record(2, 0.5), at_once=True)
    assert json.loads(directory.metrics.path.read_text())["t"] == 2


@pytest.mark.parametrize(("code", "finished"), [(DONE, True), (STOPPED, False)])
def test_the_result(code: int, finished: bool, tmp_path: Path) -> None:
    directory = begun(tmp_path)
    assert directory.result_if_finished() is None
    directory.stop.touch()
    directory.finish({"t": 7, "E_val": None, "code": code})
    assert not directory.stop.exists()
    stored = json.loads(directory.result.read_text())
    assert stored == {"t": 7, "E_val": None, "code": code}
    assert directory.result_if_finished() == (stored if finished else None)
    directory.result.write_text("{")
    assert directory.result_if_finished() is None
