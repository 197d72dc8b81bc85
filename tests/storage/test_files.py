"""Files that are never half written, and damage of every kind that is found when they are read."""

from __future__ import annotations

import json
import os
import stat
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
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_arrays_in_any_layout(tmp_path: Path) -> None:
    table = np.arange(12.0).reshape(3, 4)
    files.write(tmp_path / "a", {"T": table.T, "every other": table[::2, ::-1]}, {})
    tensors, _ = files.read(tmp_path / "a")
    np.testing.assert_array_equal(tensors["T"], table.T)
    np.testing.assert_array_equal(tensors["every other"], table[::2, ::-1])


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
    with pytest.raises(UserError, match="was written by a newer version of distnn: update distnn"):
        files.read(path)


def test_metadata_that_were_edited(path: Path) -> None:
    rewritten(path, metadata=json.dumps({**METADATA, "name": "other"}))
    with pytest.raises(UserError, match="its checksum does not fit"):
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
    with pytest.raises(UserError, match=r"a\.safetensors is damaged, or was not written by distnn\."):
        files.read(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing cannot be read: No such file or directory"):
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
