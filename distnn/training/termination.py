"""When to stop: criteria over what is known of an iteration, combined with `and` and `or`.

"Enough iterations have passed and the improvement in error is small, or the goal is reached" is written

    t >= 1000 and improvement < 1e-6 or E_in < 0.01

To add a criterion on what is known: nothing, it is written with --stop. To know more: a field of `Record` in record.py.
Every number in a Record is replicated, so all ranks reach the same decision without a message of their own; `seconds`
is rank 0's clock.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

from distnn.errors import DONE, FAILED, UserError
from distnn.training.record import ADVICE, QUANTITIES, Record


@dataclass(frozen=True)
class Reason:
    """Why a run stopped: in words, with what to try next; code: the exit code that goes with it.

    quantity: what the criterion was on; `diverged`, `stuck` or `interrupted` where it was none. unfinished: would more
    effort, or another start, have gone on with it?
    """

    text: str
    advice: str
    code: int = DONE
    quantity: str = ""
    unfinished: bool = False


Criterion = Callable[[Record], Reason | None]

SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SIGN_NODES = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def compare(name: str, sign: str, limit: float) -> Criterion:
    """The criterion `name sign limit`, such as t >= 1000. Never met while the quantity is NaN."""
    compared = SIGNS[sign]

    def criterion(record: Record) -> Reason | None:
        value = getattr(record, name)
        if not compared(value, limit):
            return None
        shown = f"{name} = {value:.6g}" if value != limit else name
        text = f"{shown} {sign} {limit:.12g}"
        return Reason(text, ADVICE[name], quantity=name, unfinished=QUANTITIES[name].effort)

    return criterion


def all_of(*criteria: Criterion) -> Criterion:
    """Met when all are; the reason names them all, the rest of it is the last one's."""

    def criterion(record: Record) -> Reason | None:
        reasons = []
        for part in criteria:
            reason = part(record)
            if reason is None:
                return None
            reasons.append(reason)
        text, unfinished = " and ".join(reason.text for reason in reasons), any(reason.unfinished for reason in reasons)
        return replace(reasons[-1], text=text, unfinished=unfinished)

    return criterion


def any_of(*criteria: Criterion) -> Criterion:
    """Met when one is; the reason is the first one's."""

    def criterion(record: Record) -> Reason | None:
        for part in criteria:
            reason = part(record)
            if reason is not None:
                return reason
        return None

    return criterion


def not_finite(record: Record) -> Reason | None:
    """Met when the error or the weights are no longer finite."""
    stepped = math.isnan(record.step) or math.isfinite(record.step)
    if stepped and math.isfinite(record.gradient_norm) and math.isfinite(record.E_in):
        return None
    return Reason(
        f"the error or the weights are no longer finite at t = {record.t}",
        "The training diverged; the last finite weights were kept. Try a smaller --eta, or --optimizer lbfgs.",
        FAILED,
        "diverged",
        unfinished=True,
    )


def parse(text: str) -> Criterion:
    """The criterion that an expression describes. Nothing in it is ever executed. UserError where it makes no sense."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, which knows nothing of criteria
            return _criterion(ast.parse(text.strip(), mode="eval").body, text)
    except UserError:
        raise
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        raise _unreadable(text) from None


def quantities(text: str) -> set[str]:
    """The names of the quantities in an expression that `parse` takes."""
    return {node.id for node in ast.walk(ast.parse(text.strip(), mode="eval")) if isinstance(node, ast.Name)}


_GRAMMAR = (
    "Write comparisons of a quantity with a number, joined by and, or and parentheses, such as "
    f"'t >= 1000 and improvement < 1e-6 or E_in < 0.01'. Quantities: {', '.join(ADVICE)}."
)


def _criterion(node: ast.expr, text: str) -> Criterion:
    if isinstance(node, ast.BoolOp):
        join = all_of if isinstance(node.op, ast.And) else any_of
        return join(*(_criterion(value, text) for value in node.values))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.left, ast.Name):
        name, limit = node.left.id, _number(node.comparators[0])
        if name not in ADVICE:
            raise UserError(f"--stop {_short(text)}: there is no quantity {name!r}. Quantities: {', '.join(ADVICE)}.")
        if limit is not None and type(node.ops[0]) in SIGN_NODES:
            return compare(name, SIGN_NODES[type(node.ops[0])], limit)
    raise _unreadable(text)


def _unreadable(text: str) -> UserError:
    return UserError(f"--stop {_short(text)} cannot be read. {_GRAMMAR}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:97] + "...")


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = float(node.value)  # type: ignore[arg-type]
        return value if math.isfinite(value) else None
    return None
