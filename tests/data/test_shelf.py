"""Rows in memory and in a scratch file: the same bits, no more in the file than must be, and what is said of faults."""

from __future__ import annotations

import errno
import gc
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tables import assembled, regression, words
from threaded_ranks import on_ranks, outcomes

from distnn.data import shelf as module
from distnn.data.shelf import Room, Shelf
from distnn.errors import UserError
from distnn.kernels.memory import empty
from distnn.parallel.ranks import OneRank, Ranks


class Item(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    names: np.ndarray | None = None


class Half(NamedTuple):
    y: np.ndarray


def item(seed: int, rows: int = 21) -> Item:
    generator = np.random.default_rng(seed)
    x = empty(3, rows, np.float64)
    x[...] = generator.normal(size=x.shape)
    return Item(x, generator.normal(size=(1, rows)).astype(np.float32), np.array(["a", "ünï"] * rows)[:rows])


def filled(memory: int | None, folder: Path, count: int = 7) -> Shelf:
    shelf = Shelf(Room(memory, str(folder)))
    for seed in range(count):
        shelf.append(item(seed, 21 if seed < count - 1 else 4))
    return shelf


def same(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.dtype, a.strides, a.tobytes()) == (b.dtype, b.strides, b.tobytes())
            assert a.flags.writeable


@pytest.mark.parametrize("memory", [None, 0, 1500, 5000])
def test_what_is_kept_comes_back_in_any_order(memory: int | None, tmp_path: Path) -> None:
    shelf = filled(memory, tmp_path)
    view = shelf.view(Item)
    for j in [0, 1, 2, 3, 4, 5, 6, 0, 1, 5, 4, 3, 3, 6, 0]:
        same(view[j], item(j, 21 if j < 6 else 4))
    same(shelf.view(Half)[3], Half(item(3).y))
    assert [len(part.names) for part in view if part.names is not None] == shelf.widths
    assert not list(tmp_path.iterdir())
    with pytest.raises(IndexError):
        view[7]


def test_memory_is_used_before_the_file(tmp_path: Path) -> None:
    size = sum(array.nbytes for array in item(0) if array is not None)
    shelf = filled(2 * size + 10, tmp_path, 3)
    assert isinstance(shelf.items[1]["x"], np.ndarray)
    assert not isinstance(shelf.items[2]["x"], np.ndarray)
    assert shelf.room.memory_used == 2 * size
    assert 0 < shelf.room.file_used < size + 400
    assert not isinstance(shelf.whole(Item), list)
    assert isinstance(filled(None, tmp_path).whole(Item), list)


@pytest.mark.parametrize("memory", [None, 0, 2500])
def test_items_change_in_their_place(memory: int | None, tmp_path: Path) -> None:
    shelf = filled(memory, tmp_path)
    used = shelf.room.file_used
    for j, part in enumerate(shelf.view(Item)):
        part.x[...] *= 2
        shelf.update(j, x=part.x, names=None)
    assert shelf.room.file_used == used
    for j, part in enumerate(shelf.view(Item)):
        expected = item(j, 21 if j < 6 else 4)
        np.testing.assert_array_equal(part.x, 2 * expected.x)
        assert part.names is None
    y = np.arange(21 * 30.0).reshape(30, 21)
    shelf.update(2, y=y)  # larger than it was
    same(shelf.view(Half)[2], (y,))
    same(shelf.view(Half)[3], (item(3).y,))
    if memory is not None:
        assert shelf.room.memory_used <= memory


def test_the_next_ones_are_announced_in_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = filled(0, tmp_path)
    announced: list[int] = []
    places = {shelf.items[j]["y"].offset: j for j in range(len(shelf))}
    monkeypatch.setattr(module.os, "posix_fadvise", lambda _, start, size, how: announced.append(places[start]))
    monkeypatch.setattr(module, "AHEAD", 2 * 128)
    view = shelf.view(Half)
    for _ in range(2):
        for j in range(len(view)):
            same(view[j], (item(j, 21 if j < 6 else 4).y,))
    assert announced == [2, 3, 4, 5, 6, 0, 3] * 2  # the last item is short: more of the others are as many bytes
    announced.clear()
    for j in (4, 1, 5):
        same(view[j], (item(j).y,))
    assert announced == []


CASES: dict[str, dict[str, Any]] = {
    "regression": {"hidden": (5,), "validation": 0.3},
    "float32": {"hidden": (70, 3), "dtype": "float32", "validation": 0.3},
    "classes": {"hidden": (4,), "validation": 0.3, "class_weights": ("balanced",)},
    "batches": {"hidden": (4,), "batch_size": 37},
}


def computed(ranks: Ranks, case: str, memory: str | None, folder: Path) -> tuple[list[bytes], int]:
    """Everything that passes over D give, and how much of it is in files."""
    X, Y = words(9000) if case == "classes" else regression(9000)
    weights = np.random.default_rng(1).uniform(0, 2, 9000)
    counts = [9000 // ranks.size] * ranks.size
    assembly = assembled(ranks, X, Y, weights, counts, memory=memory, scratch=str(folder), **CASES[case])
    objective, w = assembly.objective, assembly.model.network.w + 0.25
    found = [objective(w).G, objective(w).E, objective.error(w), objective.validation_error(w)]
    found += [objective.hessian_product(w, w[::-1].copy())]
    if objective.is_sum_of_squares:
        found += [objective.gauss_newton(w), objective.acceleration(w, w[::-1].copy())]
    if case == "batches":
        found += [objective.sample(w, t).G for t in range(3)]
    found += list(assembly.model.preparation.tensors().values())
    progress = assembly.begin()
    for record in assembly.iterations(progress):
        if record.t == 3:
            break
    return [np.asarray(part).tobytes() for part in [*found, progress.best_w]], assembly.examples.in_files


@pytest.mark.parametrize("case", CASES)
def test_the_bits_are_those_in_memory(case: str, tmp_path: Path) -> None:
    expected, in_files = computed(OneRank(), case, None, tmp_path)
    assert in_files == 0
    for size, memory in [(1, "0"), (3, "0"), (1, "150K"), (3, "60K")]:
        for found, in_files in on_ranks(size, lambda ranks, memory=memory: computed(ranks, case, memory, tmp_path)):
            assert found == expected
            assert in_files > 100_000


def test_a_folder_without_room_is_found_before_rows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "posix_fallocate", full)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 12_000_000}))

    def work(ranks: Ranks) -> None:
        assembled(ranks, *regression(9000), memory="100K", scratch=str(tmp_path))

    for size, rows in ((1, "360 kB"), (3, "1")):
        for error in outcomes(size, work):
            assert isinstance(error, UserError), error
            assert f"The rows of a rank take {rows}" in str(error)
            assert f"does not go into {tmp_path}, where 12 MB are free (No space left on device)" in str(error)
            assert "Give --scratch a folder with more room, or raise --memory, or take more nodes." in str(error)


def test_folders_and_disks_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="takes no scratch file: No such file or directory"):
        filled(0, tmp_path / "nowhere")
    shelf = filled(0, tmp_path)
    assert shelf.room._file is not None
    os.ftruncate(shelf.room._file.fileno(), 300)
    with pytest.raises(UserError, match="cannot be read back: it is shorter than what was written"):
        shelf.view(Item)[3]

    def broken(*_: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(module.os, "pwrite", broken)
    with pytest.raises(UserError, match=r"cannot be written: Input/output error. Give --scratch another folder"):
        shelf.append(item(0))


def test_a_disk_that_fails_in_a_pass_ends_all_ranks(tmp_path: Path) -> None:
    def work(ranks: Ranks) -> None:
        X, Y = regression(9000)
        assembly = assembled(ranks, X, Y, counts=[3000] * 3, memory="0", scratch=str(tmp_path))
        if ranks.rank == 1:
            os.ftruncate(assembly.examples.blocks.shelf.room._file.fileno(), 0)
        assembly.objective(assembly.model.network.w)
        assembly.objective(assembly.model.network.w)

    for error in outcomes(3, work):
        assert isinstance(error, UserError)
        assert "cannot be read back" in str(error)


def test_the_file_is_closed_with_its_room(tmp_path: Path) -> None:
    shelf = filled(0, tmp_path)
    assert shelf.room.file_used
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del shelf
        gc.collect()
    assert not seen
