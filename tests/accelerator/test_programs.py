"""The loop over blocks on the device: integers as parallel/fixed_point.py has them, one program for all blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tables import assembled, regression

from distnn.accelerator.devices import take
from distnn.accelerator.mathematics import Mathematics
from distnn.accelerator.programs import DeviceTerms, compiled, fingerprint
from distnn.accelerator.rows import Rows, Shape
from distnn.kernels.blocks import Block
from distnn.parallel.ranks import OneRank
from distnn.parallel.reduction import ExactSum

SHAPE = Shape(4, 6, 3, 2, np.dtype(np.float64))
NETWORK = Mathematics((2, 3, 2), "tanh", "identity", "squared")
SIZE = 3 * 3 + 4 * 2


def blocks(count: int) -> list[Block]:
    """The last one shorter, and all but the first with weights."""
    generator = np.random.default_rng(0)
    found = []
    for j in range(count):
        rows = 6 if j + 1 < count else 2
        x = np.ones((3, rows))
        x[1:] = generator.normal(size=(2, rows)) * 10.0**-j
        found.append(Block(x, generator.normal(size=(2, rows)), generator.random(rows) if j else None))
    return found


def terms(count: int) -> DeviceTerms:
    import jax

    device = take("xla-cpu", OneRank())
    with jax.enable_x64(True):
        rows = Rows(blocks(count), SHAPE, device)
        arguments = jax.device_put((np.sin(np.arange(SIZE)), np.ones((2, 1))), device)
    return DeviceTerms(compiled("gradient", NETWORK, SHAPE, device, ()), rows, arguments, device, range(count))


def test_the_sum_is_that_of_the_blocks_rounded_in_numpy() -> None:
    """Each block alone gives its term to 2^-50 or so; the sum for terms in memory adds these."""
    count, parts = 10, [(3, 3), (4, 2)]
    of_all = terms(count)
    each = [ExactSum(OneRank(), parts, 1, 1, tail=True)(of_all.among([j])) for j in range(count)]

    def term(j: int, out: np.ndarray) -> float:
        out[:] = each[j][:-1]
        return float(each[j][-1])

    expected = ExactSum(OneRank(), parts, count, count, tail=True)(term)
    found = ExactSum(OneRank(), parts, count, count, tail=True)(of_all)
    np.testing.assert_allclose(found, expected, rtol=0, atol=count * 2.0**-47 * np.abs(expected).max())
    assert (found != 0).all()


def test_multiples_and_the_largest() -> None:
    of_all = terms(7)
    magic = np.full(8, 1.5 * 2.0**22)

    def added(some: Any) -> tuple[np.ndarray, np.ndarray]:
        total = np.zeros(SIZE + 1, np.int64)
        return some.add(magic, total), total

    largest, total = added(of_all)
    parts = [added(of_all.among([j])) for j in (6, 2, 0, 1, 5, 4, 3)]
    np.testing.assert_array_equal(total, sum(part[1] for part in parts))  # modulo 2^64
    np.testing.assert_array_equal(largest, np.max([part[0] for part in parts], axis=0))
    again = of_all.among([3, 6, 0]).among([1, 0])
    np.testing.assert_array_equal(added(again)[1], parts[0][1] + parts[6][1])


def test_a_program_is_known_by_how_it_computes_and_not_by_where_its_source_lies() -> None:
    def text(folder: str, algorithm: int) -> str:
        where = f'metadata={{op_name="jit(f)/{{x}}" source_file="{folder}"}}'
        lines = ["HloModule f", "", "FileNames", f'1 "{folder}"', "", f"  dot(a, b), {where}, algorithm={algorithm}"]
        return "\n".join(lines)

    assert fingerprint(text("here", 1)) == fingerprint(text("there", 1))
    assert fingerprint(text("here", 1)) != fingerprint(text("here", 2))
    assert terms(3).program.digest not in ("", fingerprint(""))


@pytest.mark.parametrize("error", [None, NotImplementedError()])
def test_a_jax_that_does_not_tell_what_it_made_is_no_error(error: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import jax

    def as_text(self: Any) -> None:
        if error:
            raise error

    monkeypatch.setattr(jax.stages.Compiled, "as_text", as_text)
    found = compiled.__wrapped__("error", NETWORK, SHAPE, take("xla-cpu", OneRank()), ())
    assert found.digest == "unknown"


def test_one_program_for_all() -> None:
    assert terms(3).program is terms(9).program


def test_what_is_tried_at_the_start_is_the_program_of_the_training() -> None:
    """It takes a second to compile, on a GPU several."""
    before = compiled.cache_info().misses
    objective = assembled(OneRank(), *regression(20), hidden=(2,), device="xla-cpu").objective
    assert np.isfinite(objective(np.zeros(11)).E)
    assert compiled.cache_info().misses == before + 1
