"""Files that are never half written, and damage of every kind that is found when they are read."""

from __future__ import annotations

import errno
import json
import os
import stat
import tracemalloc
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from distnn import UserError
from distnn.kernels.algebra import Rows
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


def test_a_file_is_that_of_safetensors(tmp_path: Path) -> None:
    """Of every dtype: the same numbers in the same places, and the same header but for the order of its entries."""
    tensors = {f"{dtype[::-1]}{n}": np.ones((n, 2), dtype) for dtype in files.DTYPES for n in range(3)}
    tensors |= {"θ": np.arange(3.0), "scalar": np.array(0.5)}
    files.write(tmp_path / "a", tensors, METADATA)

    def parts(data: bytes) -> tuple[dict, bytes]:
        start = 8 + int.from_bytes(data[:8], "little")
        return json.loads(data[8:start]), data[start:]

    header, numbers = parts((tmp_path / "a").read_bytes())
    assert (header, numbers) == parts(save(tensors, header["__metadata__"]))


def test_rows_that_lie_apart_are_written_as_their_matrix(tmp_path: Path) -> None:
    matrix, none = np.arange(12.0).reshape(3, 4), np.empty(0)
    files.write(tmp_path / "a", {"S": matrix, "none": none}, METADATA)
    files.write(tmp_path / "b", {"S": Rows(list(matrix)), "none": Rows()}, METADATA)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_checkpoint_of_many_pairs_takes_no_memory(tmp_path: Path) -> None:
    pairs = Rows([np.zeros(100_000) for _ in range(10)])
    tracemalloc.start()
    files.write(tmp_path / "a", {"S": pairs, "w": np.zeros(100_000)}, {})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000  # w is 800,000 of it


def test_reading_takes_the_memory_of_the_file(tmp_path: Path) -> None:
    """Matrices whose rows shall lie apart included."""
    tensors = {"p.S": np.arange(1_000_000.0).reshape(10, -1), "w": np.arange(100_000.0), "p.few": np.ones((500, 3))}
    tensors["p.none"] = np.empty((0, 2000))
    files.write(tmp_path / "a", tensors, {})
    for apart in (None, "p."):
        tracemalloc.start()
        found, _ = files.read(tmp_path / "a", apart)
        held, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 1.05 * held < 1.1 * os.path.getsize(tmp_path / "a")
        assert isinstance(found["p.S"], files.ReadApart if apart else np.ndarray)
        assert files.checksum(found, "") == files.checksum(tensors, "")
        for name, value in tensors.items():
            np.testing.assert_array_equal(np.asarray(found[name]), value)
    assert [row.base for row in found["p.S"].vectors] == [None] * 10


def test_numbers_are_little_endian_in_files(tmp_path: Path) -> None:
    """Whatever the order of bytes they have in memory, also in rows that lie apart."""
    little = {**TENSORS, **{f"of {dtype}": np.arange(6).astype(dtype).reshape(2, 3) for dtype in files.DTYPES}}
    big = {name: value.astype(value.dtype.newbyteorder(">")) for name, value in little.items()}
    for name, tensors in (("little", little), ("big", big)):
        files.write(tmp_path / name, tensors, METADATA)
        rows = files.ReadApart(tuple(tensors["of float64"]), tensors["w"].dtype, (2, 3))
        files.write(tmp_path / f"{name} rows", {"rows": rows}, METADATA)
    assert (tmp_path / "little").read_bytes() == (tmp_path / "big").read_bytes()
    assert (tmp_path / "little rows").read_bytes() == (tmp_path / "big rows").read_bytes()
    found, _ = files.read(tmp_path / "big")
    for name, value in little.items():
        assert found[name].dtype.isnative
        np.testing.assert_array_equal(found[name], value)


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


def test_what_was_written_here_is_recognised(path: Path) -> None:
    assert files.recognised(path)
    os.truncate(path, path.stat().st_size - 9)  # damage is not looked for
    assert files.recognised(path)
    for content in (b"", b"mine", save({"w": np.zeros(3)}), b"\xff" * 64, (10**9).to_bytes(8, "little")):
        path.write_bytes(content)
        assert not files.recognised(path)
    assert not files.recognised(path.parent)
    assert not files.recognised(path.parent / "none")
