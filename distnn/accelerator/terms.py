"""`training.terms.Terms`, computed on a device. Rows are there from the start; w goes up and integers come down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from distnn.accelerator import devices
from distnn.accelerator.mathematics import Mathematics
from distnn.accelerator.programs import Compiled, DeviceTerms, compiled
from distnn.accelerator.rows import Rows, Shape, fill
from distnn.data.shard import Examples
from distnn.errors import UserError
from distnn.kernels.blocks import Block, Cut
from distnn.network.arithmetic import numbers
from distnn.network.weights import weight_count
from distnn.parallel import environment
from distnn.parallel.ranks import Ranks


class AcceleratorTerms:
    """The terms of a rank's examples on its device. Collective to make, and where a sum is computed the first time.

    dtype: of the rows. UserError, on all ranks, for too little memory there, a device that computes a block differently
    from one time to the next, or ranks whose devices, or what XLA made of a program for them, differ.
    """

    def __init__(self, mathematics: Mathematics, dtype: np.dtype, examples: Examples, ranks: Ranks, device: Any):
        self.mathematics, self.dtype, self.device, self.ranks = mathematics, dtype, device, ranks
        self._compared: dict[Any, Compiled] = {}  # programs that are the same on all ranks
        kept = [examples.blocks, examples.validation, examples.test]
        widest = np.array([max((block.x.shape[1] for block in blocks), default=1) for blocks in kept], np.float64)
        ranks.maximum(widest)  # so that all ranks run the same programs
        environment.compare_ranks(devices.describe(device), ranks)
        with ranks.sharing_errors(), jax.enable_x64(True), devices.failures(device):
            self._ones = self._shares = jax.device_put(np.ones((mathematics.d[-1], 1)), device)
            shapes = [self._shape(examples.cut.count, int(rows)) for rows in widest]
            self._kept = [(blocks, Rows(blocks, shape, device)) for blocks, shape in zip(kept, shapes, strict=True)]
        program = self._program("gradient", shapes[0])
        with ranks.sharing_errors():
            self.digests = {"device_program": program.digest, "device_gradient": self._test(program, shapes[0])}
        environment.compare_ranks(self.environment(), ranks)

    def load(self, w: np.ndarray, shares: np.ndarray | None = None) -> None:
        """Use the weights w and the shares from now on, w rounded to dtype. See Terms."""
        self._w = np.asarray(w, self.dtype)
        self._shares = self._ones if shares is None else shares[:, None]

    def gradient(self, blocks: Sequence[Block], cut: Cut) -> DeviceTerms:
        return self._terms("gradient", blocks, cut)

    def error(self, blocks: Sequence[Block], cut: Cut) -> DeviceTerms:
        return self._terms("error", blocks, cut)

    def squares(self, blocks: Sequence[Block], cut: Cut) -> DeviceTerms:
        return self._terms("squares", blocks, cut)

    def gauss_newton(self, blocks: Sequence[Block], cut: Cut, last: bool) -> DeviceTerms:
        return self._terms("gauss_newton_last" if last else "gauss_newton", blocks, cut)

    def lengths(self, blocks: Sequence[Block], cut: Cut, T: np.ndarray, last: bool) -> DeviceTerms:
        return self._terms("lengths_last" if last else "lengths", blocks, cut, T)

    def acceleration(self, blocks: Sequence[Block], cut: Cut, v: np.ndarray) -> DeviceTerms:
        return self._terms("acceleration", blocks, cut, *self._scaled(v, degree=2))

    def hessian_product(self, blocks: Sequence[Block], cut: Cut, v: np.ndarray) -> DeviceTerms:
        return self._terms("hessian_product", blocks, cut, *self._scaled(v, degree=1))

    def environment(self) -> dict[str, Any]:
        return {**devices.describe(self.device), **self.digests}

    def _scaled(self, v: np.ndarray, degree: int) -> tuple[np.ndarray, np.ndarray]:
        """v, divided by a power of two so that float32 holds it, and what a sum of this degree in v lacks then."""
        largest = float(np.abs(v).max())
        exponent = int(np.frexp(largest)[1]) if np.isfinite(largest) else 0
        return np.ldexp(v, -exponent).astype(self.dtype), np.array(np.ldexp(1.0, degree * exponent))

    def _terms(self, name: str, blocks: Sequence[Block], cut: Cut, *more: np.ndarray) -> DeviceTerms:
        """The terms of these blocks; those that are not kept on the device are put there for this once."""
        with jax.enable_x64(True), devices.failures(self.device):
            rows = next((rows for kept, rows in self._kept if kept is blocks), None)
            if rows is None:
                rows = Rows(blocks, self._shape(cut.count, cut.rows), self.device)
            others = tuple((a.shape, a.dtype) for a in more)
        program = self._program(name, rows.shape, others)
        with jax.enable_x64(True), devices.failures(self.device):
            arguments = jax.device_put((self._w, self._shares, *more), self.device)
        return DeviceTerms(program, rows, arguments, self.device, range(len(blocks)))

    def _program(self, name: str, shape: Shape, more: tuple[tuple[tuple[int, ...], Any], ...] = ()) -> Compiled:
        """The program of a sum, which each rank compiles for itself, and all the same. Collective the first time."""
        if (found := self._compared.get((name, shape, more))) is None:
            with self.ranks.sharing_errors(), devices.failures(self.device):
                found = compiled(name, self.mathematics, shape, self.device, more)
            environment.compare_ranks({"device_program": found.digest}, self.ranks)
            self._compared[name, shape, more] = found
        return found

    def _shape(self, count: int, rows: int) -> Shape:
        d = self.mathematics.d
        return Shape.of(count, rows, d[0] + 1, d[-1], self.dtype)

    def _test(self, program: Compiled, shape: Shape) -> str:
        """A hash of a block's gradient. UserError unless it is the same once more, and elsewhere in a chunk."""
        chunk, d = shape.empty(), self.mathematics.d
        x = numbers((d[0] + 1) * shape.rows, 1).reshape(-1, shape.rows).astype(self.dtype)
        y = np.abs(numbers(d[-1] * shape.rows, 2)).reshape(-1, shape.rows).astype(self.dtype)
        x[0] = 1
        for j in (0, shape.blocks - 1):
            fill(chunk, j, Block(x, y, None))
        with jax.enable_x64(True), devices.failures(self.device):
            rows = Rows((), shape, self.device)
            rows.chunks = [jax.device_put(tuple(chunk), self.device)]
            w = numbers(weight_count(d), 3).astype(self.dtype) / np.sqrt(max(d), dtype=self.dtype)
            arguments = jax.device_put((w, self._ones), self.device)
        magic = np.full(sum(program.heights), 1.5 * 2.0**22)
        sums = np.zeros((3, weight_count(d) + 1), np.int64)
        for total, j in zip(sums, (0, 0, shape.blocks - 1), strict=True):
            DeviceTerms(program, rows, arguments, self.device, [j]).add(magic, total)
        if (sums != sums[0]).any():
            raise UserError(
                f"The device {self.device.device_kind} gives a block another gradient each time, or in another place: "
                "no bits could be promised. Train with --device cpu."
            )
        return hashlib.blake2b(sums[0].tobytes(), digest_size=8).hexdigest()
