"""Files that are never half written, and damage of every kind that is found when they are read."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from contextlib import nullcontext
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from distnn import UserError
from distnn.storage import files

TENSORS = {"w": np.arange(3.0), "i": np.array([[1, -2]], np.int64), "f": np.array(0.5, np.float32), "e": np.empty(0)}
METADATA = {"name": "θ", "nothing": None, "inf": float("inf"), "list": [1, 2.5]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    files.write(tmp_path / "a.safetensors", TENSORS, METADATA)
    return tmp_path / "a.safetensors"


def same(found: tuple[dict, dict]) -> bool:
    tensors, metadata = found
    bits, expected = (
        {name: (value.dtype, value.shape, value.tobytes()) for name, value in table.items()}
        for table in (tensors, TENSORS)
    )
    return metadata == METADATA and bits == expected


def test_round_trip(path: Path) -> None:
    assert same(files.read(path))
    assert os.listdir(path.parent) == [path.name]
    assert b'"distnn":"1"' in path.read_bytes()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_the_same_contents_are_the_same_file(path: Path) -> None:
    content = path.read_bytes()
    for _ in range(10):
        files.write(path, dict(reversed(TENSORS.items())), METADATA)
        assert path.read_bytes() == content


def test_tensors_lie_as_their_numbers_need_it(tmp_path: Path) -> None:
    """Whatever the names, they begin at a multiple of 8 bytes."""
    for length in range(1, 10):
        files.write(tmp_path / "a", {"w" * length: np.zeros(3)}, {})
        assert len((tmp_path / "a").read_bytes()) % 8 == 0


def test_arrays_in_any_layout(tmp_path: Path) -> None:
    table = np.arange(12.0).reshape(3, 4)
    files.write(tmp_path / "a", {"T": table.T, "every other": table[::2, ::-1]}, {})
    tensors, _ = files.read(tmp_path / "a")
    np.testing.assert_array_equal(tensors["T"], table.T)
    np.testing.assert_array_equal(tensors["every other"], table[::2, ::-1])
    assert files.checksum({"T": table.T}, "") == files.checksum({"T": table.T.copy()}, "")


def test_a_number_that_changed(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # the last one's
    with pytest.raises(UserError, match="its checksum does not fit"):
        files.read(path)


def test_a_bit_flipped_anywhere_is_found(path: Path) -> None:
    data = path.read_bytes()
    unnoticed = 0
    for place in range(len(data)):
        for bit in {0, place % 8}:
            path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
            try:
                unnoticed += same(files.read(path))
            except UserError as error:
                assert str(path) in str(error)
                continue
            assert same(files.read(path)), f"byte {place}, bit {bit}"
    assert unnoticed < 0.01 * 2 * len(data)  # such as white space that became another white space


def test_a_file_cut_short_anywhere_is_damaged(path: Path) -> None:
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match="is damaged"):
            files.read(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(UserError, match="is damaged"):
        files.read(path)


def rewritten(path: Path, **header: str) -> None:
    """The file with other entries in its header, as another program would have written it."""
    data = path.read_bytes()
    tensors = load(data)
    old = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    path.write_bytes(save(tensors, {**old, **header}))


def test_the_file_of_a_newer_version(path: Path) -> None:
    rewritten(path, distnn=str(files.FORMAT + 1))
    with pytest.raises(UserError, match=r"was written by a newer version of distnn: update distnn to read it\.$"):
        files.read(path)
    rewritten(path, distnn=str(files.FORMAT))
    assert same(files.read(path))


def test_metadata_that_were_edited(path: Path) -> None:
    rewritten(path, metadata=json.dumps({**METADATA, "name": "other"}))
    with pytest.raises(UserError, match=r"is damaged: its checksum does not fit its contents\.$"):
        files.read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04K\x01.",  # a pickle
        b"PK\3\4" + bytes(100),
        np.arange(99.0).tobytes(),
        save({"w": np.zeros(3)}),
        save({"w": np.zeros(3)}, {"distnn": "one"}),
        save({"w": np.zeros(3)}, {"distnn": "1"}),
        save({"w": np.zeros(3)}, {"distnn": "1", "metadata": "[" * 100_000, "sha256": ""}),
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{}",
        (20).to_bytes(8, "little") + b'{"__metadata__":null}',
        b"\xff" * 64,
    ],
)
def test_files_of_others(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.safetensors is damaged, or was not written by distnn\.$"):
        files.read(path)


def test_the_longest_header(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be written can be read; what cannot be read is not written, nor taken for one of ours."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    parts = content[8 : 8 + length].count(b"[") + content[8 : 8 + length].count(b"{")
    for name, most in (("HEADER_BYTES", length), ("HEADER_PARTS", parts)):
        monkeypatch.setattr(files, name, most)
        files.write(path, TENSORS, METADATA)
        assert same(files.read(path))
        assert files.recognised(path)
        monkeypatch.setattr(files, name, most - 1)
        with pytest.raises(OSError, match=r"\] its names of columns and classes take too much room$") as raised:
            files.write(path, TENSORS, METADATA)
        assert raised.value.errno == errno.EFBIG
        with pytest.raises(UserError, match=r"is damaged, or was not written by distnn\.$"):
            files.read(path)
        assert not files.recognised(path)
        monkeypatch.undo()


def test_no_more_is_read_than_a_header_may_have(tmp_path: Path) -> None:
    """Of a file whose header is said to be endless, and is."""
    with (tmp_path / "a").open("wb") as file:
        file.write(b"\xff" * 8)
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(UserError, match="is damaged, or was not written by distnn"):
        files.read(tmp_path / "a")
    assert not files.recognised(tmp_path / "a")


@pytest.mark.timeout(60, method="signal")
def test_a_pipe_is_not_waited_for_nor_read(path: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for content in (b"", path.read_bytes()):
        with open(os.open(pipe, os.O_RDWR), "r+b", buffering=0) if content else nullcontext() as others:
            if others is not None:
                others.write(content)
            with pytest.raises(UserError, match="is damaged, or was not written by distnn"):
                files.read(pipe)
            assert not files.recognised(pipe)
            if others is not None:
                assert others.read(1 << 16) == content


def test_long_names_and_many(tmp_path: Path) -> None:
    metadata = {"names": ["x" * 100] * 20_000, "lists": [[]] * 5_000}
    files.write(tmp_path / "a", {}, metadata)
    assert files.read(tmp_path / "a") == ({}, metadata)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing cannot be read: No such file or directory\.$"):
        files.read(tmp_path / "nothing")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        files.read(tmp_path)


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PowerCut()])
def test_a_write_that_fails_leaves_the_old_file(
    moment: str, error: BaseException, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    if moment == "write":
        monkeypatch.setattr(files, "save", fail)
    else:
        monkeypatch.setattr(os, moment, fail)
    with pytest.raises(type(error)):
        files.write(path, {"w": np.ones(1000)}, {})
    monkeypatch.undo()
    assert same(files.read(path))
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
    files.write(tmp_path / "a", TENSORS, METADATA)
    assert same(files.read(tmp_path / "a"))
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


def test_what_was_written_here_is_recognised(path: Path) -> None:
    assert files.recognised(path)
    os.truncate(path, path.stat().st_size - 9)  # damage is not looked for
    assert files.recognised(path)
    for content in (b"", b"mine", save({"w": np.zeros(3)}), b"\xff" * 64, (10**9).to_bytes(8, "little")):
        path.write_bytes(content)
        assert not files.recognised(path)
    assert not files.recognised(path.parent)
    assert not files.recognised(path.parent / "none")
