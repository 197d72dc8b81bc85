"""An SMT solver's terms, for proofs about every number: integers and floating-point numbers of IEEE 754."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from availability import unavailable

try:
    import bitwuzla
    from bitwuzla import Kind, Result, RoundingMode
except ImportError:
    bitwuzla = None


def need_solver() -> None:
    """Skip the test, saying so, where there is no solver or no preprocessor."""
    if bitwuzla is None or importlib.util.find_spec("pycparser") is None:
        unavailable("proofs", "bitwuzla and pycparser: pip install 'distnn[proofs]'")
    if shutil.which("cc") is None:
        unavailable("proofs", "a C compiler, whose preprocessor is used")


@dataclass
class Value:
    """A term: a float if `format` is not empty, else an integer of so many bits, or a truth if bits = 0."""

    term: Any
    format: tuple[int, int] | tuple[()] = ()
    bits: int = 0
    signed: bool = True
    vector: bool = False


class Terms:
    """Makes terms, and says whether what is claimed of them is so."""

    def __init__(self) -> None:
        self.manager = bitwuzla.TermManager()
        options = bitwuzla.Options()
        options.set(bitwuzla.Option.PRODUCE_MODELS, True)
        self.solver = bitwuzla.Bitwuzla(self.manager, options)
        self.nearest = self.manager.mk_rm_value(RoundingMode.RNE)

    def make(self, kind: str, *terms: Any, indices: Sequence[int] = ()) -> Any:
        return self.manager.mk_term(getattr(Kind, kind), list(terms), list(indices))

    def integer(self, number: int, bits: int) -> Any:
        return self.manager.mk_bv_value(self.manager.mk_bv_sort(bits), number % (1 << bits))

    def unknown(self, bits: int) -> Any:
        return self.manager.mk_const(self.manager.mk_bv_sort(bits))

    def float_of(self, bits: Any, format: tuple[int, int], vector: bool = False) -> Value:
        """The number with these bits behind it."""
        return Value(self.make("FP_TO_FP_FROM_BV", bits, indices=format), format, sum(format), vector=vector)

    def bits_of(self, value: Value) -> Any:
        """The bits behind a number; if it is NaN, any of a NaN."""
        if not value.format:
            return value.term
        bits = self.unknown(value.bits)
        self.assume(self.make("EQUAL", self.make("FP_TO_FP_FROM_BV", bits, indices=value.format), value.term))
        return bits

    def fused(self, a: Value, b: Value, c: Value) -> Value:
        term = self.make("FP_FMA", self.nearest, a.term, b.term, c.term)
        return Value(term, a.format, a.bits, vector=a.vector)

    def truth(self, value: Value | int | float | None) -> Any:
        if not isinstance(value, Value):
            return self.manager.mk_true() if value else self.manager.mk_false()
        return self.make("DISTINCT", value.term, self.integer(0, value.bits)) if value.bits else value.term

    def assume(self, term: Any) -> None:
        self.solver.assert_formula(term)

    def holds(self, claim: Any) -> bool:
        """Whether it is true of all numbers of which the assumptions are true. Ask once, at the end."""
        self.assume(self.make("NOT", claim))
        result = self.solver.check_sat()
        assert result in (Result.SAT, Result.UNSAT)
        return result == Result.UNSAT
