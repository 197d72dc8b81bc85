"""How D is cut into blocks, and blocks are shared out."""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from checkout import CHECKOUT
from hypothesis import given
from hypothesis import strategies as some

from distnn.kernels import blocks, library
from distnn.kernels.blocks import (
    GPU_MOST,
    GPU_TILE,
    GPU_WORK_BYTES,
    LOSS,
    MOST,
    NARROW,
    PANEL_BYTES,
    SHARES,
    WIDE_PANEL_BYTES,
    WORK_BYTES,
    Cut,
    cut,
    gpu_cut,
    overhead,
)
from distnn.network.passes import fused, tiled

WIDTHS = some.lists(some.integers(1, 5000), min_size=1, max_size=5)
DTYPES = some.sampled_from(["float64", "float32"])


@given(some.integers(0, 10**8), WIDTHS, DTYPES)
def test_blocks_follow_one_another_and_cover_all_rows(n: int, d: list[int], dtype: str) -> None:
    for whole in (cut(n, d, dtype), gpu_cut(n, d, dtype)):
        if not n:
            assert (whole.count, whole.rows, whole.fewest) == (0, 1, 1)
            continue
        assert whole.bounds(0) == (0, whole.fewest)
        for block in {0, whole.count // 2, whole.count - 2} & set(range(whole.count - 1)):
            start, stop = whole.bounds(block)
            assert stop == whole.bounds(block + 1)[0]
            assert whole.fewest <= stop - start <= whole.rows <= whole.fewest + whole.unit
            assert (stop - start) % whole.unit == 0
        start, stop = whole.bounds(whole.count - 1)
        assert start < stop == n
        assert whole.fewest - whole.unit < stop - start <= whole.rows


@given(some.integers(1, 10**6), some.integers(1, 100), some.data())
def test_ranks_get_the_same_number_of_units(n: int, unit: int, data: some.DataObject) -> None:
    """Up to one, where each has the same number of blocks."""
    units = -(-n // unit)
    size = data.draw(some.integers(1, min(units, 20)))
    whole = Cut(n, unit, size * data.draw(some.integers(1, max(1, min(50, units // size)))))
    own = [-(-(stop - start) // unit) for start, stop in (whole.rows_owned(rank, size) for rank in range(size))]
    assert sum(own) == units and max(own) - min(own) <= 1


@given(some.integers(1, 10**5), some.integers(1, 100), some.data())
def test_of_the_same_fewest_rows_are_the_same_blocks_as_of_older_versions(
    n: int, unit: int, data: some.DataObject
) -> None:
    """These had as many rows in each but the last one. Records and checkpoints say how many."""
    whole = Cut(n, unit, data.draw(some.integers(1, -(-n // unit))))
    rows = min(-(-n // (whole.count * unit)) * unit, n)
    older = [(start, min(start + rows, n)) for start in range(0, n, rows)]
    assert (whole.fewest == rows) == (older == [whole.bounds(block) for block in range(whole.count)])


@given(some.integers(0, 10**8), WIDTHS, DTYPES)
def test_blocks_of_a_gpu_are_long(n: int, d: list[int], dtype: str) -> None:
    whole = gpu_cut(n, d, dtype)
    assert 1 <= whole.rows <= GPU_MOST + GPU_TILE
    assert np.dtype(dtype).itemsize * sum(d) * (whole.rows - GPU_TILE) <= GPU_WORK_BYTES


@pytest.mark.parametrize(
    ("n", "d", "dtype", "expected"),
    [
        (10**7, [30, 30, 30], "float64", (250_112, 40)),
        (20_000, [512, 1024, 1024], "float32", (2_560, 8)),
        (20_001, [512, 1024, 1024], "float32", (2_560, 8)),
        (500, [2, 2], "float64", (500, 1)),
        (0, [2, 2], "float64", (1, 0)),
    ],
)
def test_rows_of_a_gpus_blocks(n: int, d: list[int], dtype: str, expected: tuple[int, int]) -> None:
    found = gpu_cut(n, d, dtype)
    assert (found.rows, found.count) == expected


@given(some.integers(0, 10**6), WIDTHS, some.integers(1, 300))
def test_every_block_has_one_owner(n: int, d: list[int], size: int) -> None:
    whole = cut(n, d, "float64")
    owned = [whole.owned(rank, size) for rank in range(size)]
    assert [block for blocks in owned for block in blocks] == list(range(whole.count))
    assert max(map(len, owned)) - min(map(len, owned)) <= 1
    rows = [whole.rows_owned(rank, size) for rank in range(size)]
    assert rows[0][0] == 0
    assert rows[-1][1] == n
    assert all(before[1] == after[0] for before, after in pairwise(rows))


@given(some.integers(0, 10**8), WIDTHS, DTYPES)
def test_a_block_suits_the_machine(n: int, d: list[int], dtype: str) -> None:
    itemsize = np.dtype(dtype).itemsize
    rows = cut(n, d, dtype).rows
    assert rows <= max(MOST + 80, 1)
    assert itemsize * sum(d) * rows <= 1.1 * WORK_BYTES + 80 * itemsize * sum(d)
    if rows < n:
        assert rows % ((PANEL_BYTES if max(d) <= NARROW else WIDE_PANEL_BYTES) // itemsize) == 0


def test_blocks_are_whole_panels_of_the_compiled_code() -> None:
    assert NARROW >= fused.WIDEST
    if library.built():
        assert library.constant(f"{fused.Fused.prefix}_panel_bytes") == PANEL_BYTES
        assert library.constant(f"{tiled.Tiled.prefix}_panel_bytes") == WIDE_PANEL_BYTES


def test_a_small_table_is_one_block() -> None:
    assert cut(7, [3], "float64").bounds(0) == (0, 7)
    assert cut(7, [3], "float64")[1:] == (32, 1)
    assert cut(0, [3], "float64").count == 0


@pytest.mark.parametrize("count", [2, 4, 8])
def test_ranks_get_nearly_equal_shares(count: int) -> None:
    for n, d in ((200_000, [30, 30, 30]), (100_000, [20, 128, 128]), (60_000, [784, 256]), (20_000, [512, 1024, 1024])):
        whole = cut(n, d, "float32")
        rows = [stop - start for start, stop in (whole.rows_owned(rank, count) for rank in range(count))]
        assert max(rows) <= n / count + whole.unit


@pytest.mark.parametrize(
    ("n", "d", "dtype", "expected"),
    [
        (1, [54, 46, 177], "float64", (1, 1, 1)),
        (2_677, [7, 11, 4], "float64", (2_677, 1_344, 2)),
        (8_002, [3_379, 7], "float64", (8_002, 496, 16)),
        (18_487, [14, 32], "float64", (18_487, 768, 24)),
        (45_536, [129, 2, 4], "float32", (45_536, 1_888, 24)),
        (48_877, [448, 33_931, 5_852_427], "float64", (48_877, 16, 3_055)),
        (93_182, [571_900, 627, 53_685], "float32", (93_182, 32, 2_912)),
        (114_689, [1], "float32", (114_689, 1_792, 64)),
        (161_600, [1], "float64", (161_600, 2_496, 64)),
        (1_000_000, [128], "float32", (1_000_000, 4_032, 248)),
        (15_335_799, [4, 4], "float64", (15_335_799, 8_128, 1_880)),
        (34_977_318, [252], "float64", (34_977_318, 1_024, 33_640)),
    ],
)
def test_where_blocks_begin_stays(n: int, d: list[int], dtype: str, expected: tuple[int, int, int]) -> None:
    """Whatever was trained has its bits from there, and is resumed there. Each of these is at the edge of a rule."""
    found = cut(n, d, dtype)
    assert (n, found.fewest, found.count) == expected
    assert [type(number) for number in (*found, *found.bounds(0))] == [int] * 5


@pytest.mark.parametrize(
    ("n", "d", "dtype", "squares", "expected"),
    [
        (10_000, [2, 16, 16], "float64", True, (1_280, 8)),
        (10_000, [2, 16, 16], "float64", False, (1_696, 6)),
        (2_000, [2, 16, 16], "float64", True, (1_024, 2)),
        (2_000, [2, 10], "float64", True, (2_000, 1)),
        (10_000, [2, 10], "float64", True, (2_528, 4)),
        (5_000, [784, 256], "float64", False, (640, 8)),
        (5_000, [784, 256], "float32", False, (1_280, 4)),
        (1_000, [64, 512, 512], "float64", False, (512, 2)),
        (500, [64, 512, 512], "float64", False, (500, 1)),
    ],
)
def test_small_tables_are_shared_out(
    n: int, d: list[int], dtype: str, squares: bool, expected: tuple[int, int]
) -> None:
    """In more blocks where their work is worth it."""
    found = cut(n, d, dtype, squares)
    assert (found.rows, found.count) == expected


@given(some.integers(1, 30_000), WIDTHS, DTYPES, some.booleans())
def test_more_blocks_cost_little(n: int, d: list[int], dtype: str, squares: bool) -> None:
    """Of what one rank has to do, at most LOSS is more than with the blocks that suit the machine best."""
    itemsize = np.dtype(dtype).itemsize
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "SHARES", ())
        best = cut(n, d, dtype, squares).count
    count = cut(n, d, dtype, squares).count
    if count > best:
        assert best < 8 and count in SHARES
        assert (count - best) * overhead(d, itemsize, squares) <= LOSS * n


def test_the_table_in_the_documentation() -> None:
    """docs/blocks.md says how many rows the blocks of some networks have."""
    text = (CHECKOUT / "docs" / "blocks.md").read_text()
    rows = re.findall(r"^\| ([\d-]+) \| (float\d\d) \| ([\d,]+) \|.*\| ([\d,]+) \|$", text, re.MULTILINE)
    assert len(rows) >= 11
    for d, dtype, n, chosen in rows:
        widths = [int(width) for width in d.split("-")]
        assert cut(int(n.replace(",", "")), widths[:-1], dtype).rows == int(chosen.replace(",", "")), (d, dtype)


def test_a_copy_of_a_block_has_addresses_of_its_own() -> None:
    block = blocks.Block(np.ones((3, 8)), np.ones((1, 8)), np.ones(8))
    assert block.places == blocks.Block(*block).places
    copy = deepcopy(block)
    assert copy.places == blocks.Block(*copy).places != block.places
