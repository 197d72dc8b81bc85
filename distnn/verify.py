"""`python -m distnn.verify`: does the promise hold here? The gradient, and the same bits for any number of ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import numpy as np

from distnn.command_line.arguments import parse
from distnn.command_line.program import run
from distnn.declared import AtLeast, AtMost
from distnn.errors import DONE, FAILED, UserError
from distnn.kernels import algebra, blas, library
from distnn.parallel import environment, replicas
from distnn.parallel.ranks import OneRank, Ranks, on_root
from distnn.parallel.simulated import SimulatedRanks
from distnn.resilience.watchdog import watched_reading, watching
from distnn.runs.assembly import Assembly
from distnn.runs.defaults import assemble
from distnn.runs.farm.members import members
from distnn.runs.job import open_table
from distnn.runs.options import Options, check
from distnn.training.gradient_check import Difference, check_gradient, expected_error
from distnn.training.termination import compare
from distnn.words import many

PROGRAM = "distnn verify"
ABOUT = """Verify distnn on this machine and this data: give it the options of a training.

Checks the gradient against differences of E_in; then trains a few steps, as started, on one rank and on other numbers
of ranks, simulated, and compares all bits of the weights and of the optimizer's state; with --optimizer bayesian the
evidence, with --intervals the covariance of the weights, too. Ends with exit code 1 if anything differs. Nothing is
written.

--golden compares with what other machines compute.

Examples:
distnn verify
distnn verify --golden
mpirun -n 8 distnn verify table.csv --targets lift --hidden 30 30"""

VERIFICATION = "Verification"


MOST = 1_000_000  # ranks to simulate, each of which has a share of the terms


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(Options):
    """Options of a training, and those of the verification."""

    steps: Annotated[int, VERIFICATION, "Iterations to train.", AtLeast(1)] = 5
    simulate: Annotated[tuple[int, ...], VERIFICATION, "Numbers of ranks to simulate.", AtLeast(1), AtMost(MOST)] = (
        2,
        7,
        64,
        1000,
    )
    golden: Annotated[
        bool,
        VERIFICATION,
        "Instead: small trainings, whose bits are known, are the same on every machine. Under a minute.",
    ] = False
    alone: Annotated[
        bool,
        VERIFICATION,
        "Under mpirun: train on rank 0 alone, too. --no-alone where the data is too large for one rank.",
    ] = True


class Outcome(NamedTuple):
    """What a few steps ended with. digest: of the weights, the optimizer's state, the evidence, and, where --intervals
    asks for it, the covariance of the weights. unknown: why there is no covariance."""

    way: str
    E_in: float
    digest: str
    unknown: str | None = None


def main(ranks: Ranks, arguments: Sequence[str]) -> int:
    """Verify as the arguments say. Collective. Returns the exit code."""
    options = watched_reading(ranks, arguments, lambda: read_options(arguments))
    if options is None:
        return DONE
    blas.limit_threads(options.threads)
    if options.golden:
        with watching(ranks, options.watchdog):
            return verify_golden(ranks)
    with watching(ranks, options.watchdog):
        assembly = assemble(options, open_table(options, ranks), ranks)
        record = assembly.environment()
        environment.require_threads(options.threads, record, ranks)
        different = environment.compare_ranks(record, ranks)
        limit = expected_error(options.dtype)
        derivatives = check_gradient(assembly.objective, assembly.model.network.w, options.seed)
        outcomes = compare_ways(options, assembly, ranks)
    wrong = [] if different is None else [different]
    wrong += [
        f"The gradient in {found.where} is off by {found.error:.1e}, and at most {limit:.1e} is to be expected."
        for found in derivatives
        if not found.error <= limit
    ]
    wrong += [
        f"On {outcome.way}, the bits are not those of {outcomes[0].way}."
        for outcome in outcomes
        if outcome.digest != outcomes[0].digest
    ]
    if ranks.rank == 0:
        show(options, assembly, derivatives, limit, outcomes, wrong)
    return FAILED if wrong else DONE


def read_options(arguments: Sequence[str]) -> VerifyOptions | None:
    """The options that the arguments give. Local: for rank 0."""
    options: VerifyOptions | None = parse(VerifyOptions, PROGRAM, ABOUT, arguments)
    if options is None:
        return None
    if options.resume:
        raise UserError("--resume is for a training; verify one with --config and its options.toml.")
    check(options)
    if (several := members(options)) is not None:
        raise UserError(f"One of {many(several.count, several.kind)} is verified at a time: add --only 0, say.")
    return options


def verify_golden(ranks: Ranks) -> int:
    """Train what is in the golden table, every rank for itself, and compare. Collective. Returns the exit code."""
    from distnn.golden.table import golden, results

    wrong = ranks.gather([(each.name, each.found) for each in results() if each.found != each.golden])
    if ranks.rank == 0:
        for rank, found in enumerate(wrong):
            for name, digest in found:
                print(f"WRONG: On rank {rank}, the training {name!r} ends in other bits ({digest}).")
        if algebra.arithmetic() == "numpy":
            print(f"{library.why_not()}: numpy computes, with bits of its own; the table has those of compiled code.")
        if not any(wrong):
            print(f"All is as it should be: {len(golden())} trainings have the bits of the golden table.")
    return FAILED if any(wrong) else DONE


def compare_ways(options: VerifyOptions, assembly: Assembly, ranks: Ranks) -> list[Outcome]:
    """Train a few steps in each way. Collective, replicated."""
    started = f"{ranks.size} ranks, as started" if ranks.size > 1 else "one rank, as started"
    outcomes = [train_on(assembly, options.steps, started)]
    if ranks.size > 1 and options.alone:
        assert isinstance(assembly.options, VerifyOptions)
        steps = alone(assembly.options)
        while (outcome := on_root(ranks, lambda: next(steps))) is None:
            pass  # each step tells the ranks that wait that rank 0 goes on
        outcomes.append(outcome)
    for size in options.simulate:
        simulated = replace(assembly, objective=assembly.objective.on(SimulatedRanks(ranks, size, options.seed)))
        outcomes.append(train_on(simulated, options.steps, f"{max(size, ranks.size):,} ranks, simulated"))
    return outcomes


def alone(options: VerifyOptions) -> Iterator[Outcome | None]:
    """Train a few steps on this rank alone: None after each, the outcome at the end. Local."""
    one = OneRank()
    own = assemble(options, open_table(options, one), one)
    yield None
    yield from steps_on(own, options.steps, "one rank, on its own")


def train_on(assembly: Assembly, steps: int, way: str) -> Outcome:
    """Train a few steps from the initial weights. Collective, replicated; RankError if the ranks' weights differ."""
    *_, outcome = steps_on(assembly, steps, way)
    assert outcome is not None
    return outcome


def steps_on(assembly: Assembly, steps: int, way: str) -> Iterator[Outcome | None]:
    """The same, step by step: None after each, the outcome at the end."""
    assembly = replace(assembly, options=replace(assembly.options, check_every=steps))
    progress = assembly.begin()
    for _ in assembly.iterations(progress, until=compare("t", ">=", steps)):
        yield None
    record = progress.record
    assert record is not None
    unknown = assembly.learn_certainty(progress)
    certainty = assembly.model.certainty
    tensors = {**progress.state.tensors(), "evidence": np.array([record.evidence])}
    tensors |= {} if certainty is None else certainty.tensors()
    yield Outcome(way, record.E_in, replicas.digest(tensors), unknown)


def show(
    options: VerifyOptions,
    assembly: Assembly,
    derivatives: Sequence[Difference],
    limit: float,
    outcomes: Sequence[Outcome],
    wrong: Sequence[str],
) -> None:
    """Print what was found. Local."""
    from distnn.command_line.console import table

    rows: list[tuple[str, ...]] = [
        (found.where, f"{found.product:.9g}", f"{found.quotient:.9g}", f"{found.error:.1e}", f"{limit:.1e}")
        for found in derivatives
    ]
    header = ("direction in", "G·v", "difference", "relative error", "expected below")
    table(f"The gradient, in {options.dtype}, against differences of E_in in random directions v", header, rows)
    first = outcomes[0].digest
    rows = [
        (outcome.way, f"{outcome.E_in:.17g}", outcome.digest, "the same" if outcome.digest == first else "DIFFERENT")
        for outcome in outcomes
    ]
    cut = assembly.examples.cut
    title = f"{many(options.steps, 'iteration')} of {assembly.options.optimizer}"
    title += f", {many(cut.count, 'block')} of {many(cut.rows, 'row')}"
    hashed = "w, state" if assembly.model.certainty is None else "w, state, covariance"
    table(title, ("on", "E_in", f"hash of {hashed}", "bits"), rows)
    if outcomes[0].unknown is not None:
        print(f"Not compared is the covariance of the weights: {outcomes[0].unknown}")
    print("All is as it should be." if not wrong else "\n".join(f"WRONG: {sentence}" for sentence in wrong))


if __name__ == "__main__":
    run(main)
