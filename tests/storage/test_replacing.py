"""Files take their places whole, whatever fails and whoever else writes or sweeps beside them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from distnn.storage import files


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PowerCut()])
def test_a_write_that_fails_leaves_the_old_file(
    moment: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    files.write(path, {"w": np.zeros(3)}, {"t": 1})
    old = path.read_bytes()

    def fail(*arguments: object) -> None:
        raise error

    if moment == "write":
        monkeypatch.setattr(files, "checksum", lambda *_: "")
        monkeypatch.setattr(files, "pieces", fail)  # when the header is written
    else:
        monkeypatch.setattr(os, moment, fail)
    with pytest.raises(type(error)):
        files.write(path, {"w": np.ones(1000)}, {})
    monkeypatch.undo()
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name], "a temporary file was left"


def test_an_error_is_said_also_where_nothing_can_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "unlink", fail)
    with pytest.raises(PowerCut), files.replacing(tmp_path / "a"):
        raise PowerCut


def test_folders_need_not_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems cannot. Nothing is left open."""
    fsync = os.fsync

    def of_files(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(os, "fsync", of_files)
    files.write(tmp_path / "a", {"w": np.ones(3)}, {})
    np.testing.assert_array_equal(files.read(tmp_path / "a")[0]["w"], np.ones(3))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_half_written_text_is_never_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.replacing(path, "w") as file:
        file.write("ne")
        file.flush()
        assert path.read_text() == "old"
        raise RuntimeError
    assert path.read_text() == "old"
    with files.replacing(path, "w") as file:
        file.write("θ")
    assert path.read_bytes() == "θ".encode()


def test_a_new_file_takes_no_others_place(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for text in ("first", "second"):
        try:
            with files.replacing(path, "w", new=True) as file:
                file.write(text)
        except FileExistsError:
            assert text == "second"
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_is_whole_and_on_the_disk_before_it_is_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    seen: list[object] = []
    fsync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        seen.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    def moved(temporary: str, target: Path) -> None:
        seen.append((Path(temporary).read_text(), target))
        assert Path(temporary).parent == tmp_path  # else it would be a copy, not a move
        replace(temporary, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", moved)
    with files.replacing(path, "w") as file:
        temporary = os.readlink(f"/proc/self/fd/{file.fileno()}")
        assert fnmatch(os.path.basename(temporary), ".a.????????")  # as sweep looks for it
        assert file.encoding == "utf-8"  # whatever the locale's is
        file.write("whole")
    assert seen == [temporary, ("whole", path), str(tmp_path)]


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_new_file_where_the_file_system_has_no_links(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", fail)
    for text in ("first", "second"):
        try:
            with files.replacing(tmp_path / "a", "w", new=True) as file:
                file.write(text)
        except FileExistsError:
            assert text == "second"
    assert (tmp_path / "a").read_text() == "first"
    assert os.listdir(tmp_path) == ["a"]


def test_a_new_file_that_cannot_be_moved_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(OSError, match="Input/output error"), files.replacing(tmp_path / "a", new=True):
        pass
    assert os.listdir(tmp_path) == []


def test_a_name_too_many_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "unlink", fail)
    with files.replacing(tmp_path / "a", "w", new=True) as file:
        file.write("new")
    assert (tmp_path / "a").read_text() == "new"


def test_an_answer_of_a_server_that_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS asks again, and hears that the link is there: it is this one's."""
    link = os.link

    def twice(*arguments: object) -> None:
        link(*arguments)  # type: ignore[arg-type]
        link(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", twice)
    with files.replacing(tmp_path / "a", "w", new=True) as file:
        file.write("mine")
    assert os.listdir(tmp_path) == ["a"]


def test_what_was_left_is_swept_but_not_what_is_being_written(tmp_path: Path) -> None:
    for name in (".a.csv.12345678", ".a.csv.123", ".b.csv.12345678"):
        (tmp_path / name).touch()
    with files.replacing(tmp_path / "a.csv", "w") as file:
        file.write("new")
        files.sweep(tmp_path, "a.csv")
    assert sorted(os.listdir(tmp_path)) == [".a.csv.123", ".b.csv.12345678", "a.csv"]


def test_where_there_are_no_locks_what_was_left_is_swept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with files.replacing(tmp_path / "a", "w") as file:
        file.write("new")
    for name in (".a.12345678", ".b.12345678", ".c.12345678"):
        (tmp_path / name).touch()
    files.sweep(tmp_path, "a", "b")
    assert sorted(os.listdir(tmp_path)) == [".c.12345678", "a"]


def test_a_sweep_between_the_making_of_a_file_and_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of the job that gets a directory for which another one tries, too."""
    make = tempfile.mkstemp

    def swept(**options: object) -> tuple[int, str]:
        monkeypatch.setattr(tempfile, "mkstemp", make)
        made = make(**options)  # type: ignore[call-overload]
        files.sweep(tmp_path, "a")
        return made

    monkeypatch.setattr(tempfile, "mkstemp", swept)
    with files.replacing(tmp_path / "a", "w") as file:
        file.write("new")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "new"


def test_what_cannot_be_swept_stays(tmp_path: Path) -> None:
    (tmp_path / ".a.12345678").mkdir()
    files.sweep(tmp_path, "a")
    assert os.listdir(tmp_path) == [".a.12345678"]


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100_000))
    files.copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == bytes(100_000)
    with pytest.raises(FileNotFoundError):
        files.copy(tmp_path / "none", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == bytes(100_000)
