"""The C code of the kernels as terms of an SMT solver, for proofs about every number.

What is read is the source itself (kernel_source.py). Numbers may be of other formats than in the compiled code: a proof
that is beyond the solver in float64 may be within its reach in a smaller one, of the same code. Vectors have one lane
here. A loop is run through once, for one number of an array; what counts numbers or points at them is not followed,
unless it is given as a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from solver import Terms, Value

try:
    from kernel_source import SAME_SIZE, Code
    from pycparser import c_ast
except ImportError:  # need_solver of solver.py says so
    Code = None

FORMATS = {"double": (11, 53), "float": (8, 24)}  # bits of the exponent, and of the significand with the hidden one
RELATIONS = {"<": "LT", "<=": "LEQ", ">": "GT", ">=": "GEQ", "==": "EQUAL"}
SIGNED = {"<": "SLT", "<=": "SLE", ">": "SGT", ">=": "SGE"}
OF_FLOATS = {"+": "ADD", "-": "SUB", "*": "MUL", "/": "DIV"}
OF_INTEGERS = {"+": "ADD", "-": "SUB", "*": "MUL", "&": "AND", "|": "OR", "^": "XOR", "<<": "SHL"}


Number = Value | int | float | None  # a literal of C is a Python number; None is not followed


@dataclass
class Call:
    """Variables of a function that is run, their types, what points, and what it returned under which condition."""

    values: dict[str, Number] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    pointers: set[str] = field(default_factory=set)
    returned: list[tuple[Any, Number]] = field(default_factory=list)


class Solver(Terms):
    """Runs code on all numbers of some formats at once.

    instead: functions that are not run, but replaced by these.
    """

    def __init__(
        self,
        code: Code | None = None,
        formats: Mapping[str, tuple[int, int]] = FORMATS,
        instead: Mapping[str, Callable[..., Value]] = {},
    ):
        super().__init__()
        self.code, self.formats, self.instead = code, formats, instead

    def run(self, name: str, *arguments: Number) -> Call:
        """Run a function; where it returns nothing, what counts are the values of its variables at the end."""
        assert self.code is not None
        function, call = self.code.functions[name], Call()
        for parameter, argument in zip(function.decl.type.args.params, arguments, strict=True):
            self.declare(call, parameter)
            call.values[parameter.name] = self.convert(argument, call.types[parameter.name])
        self.step(call, function.body)
        return call

    def result(self, call: Call) -> Number:
        *before, (_, last) = call.returned
        for condition, value in reversed(before):
            last = self.choose(condition, value, last)
        return last

    def declare(self, call: Call, node: Any) -> None:
        type = node.type
        while not isinstance(type, c_ast.TypeDecl):
            if isinstance(type, c_ast.PtrDecl):
                call.pointers.add(node.name)
            type = type.type
        call.types[node.name] = type.type.names[-1] if isinstance(type.type, c_ast.IdentifierType) else "size"

    def convert(self, value: Number, type: str, cast: bool = False) -> Number:
        """As C does at an assignment or, between vectors, a cast: there the bits stay as they are."""
        vector = type in self.code.vectors
        base = self.code.base.get(type, type)
        if base not in self.formats and base not in SAME_SIZE:
            return value if base == "int" or isinstance(value, Value) else None
        format = self.formats.get(base, ())
        bits = sum(self.formats[SAME_SIZE.get(base, base)])
        if not isinstance(value, Value):
            return None if value is None else self.literal(value, Value(None, format, bits, base[0] != "u", vector))
        if cast and vector and value.vector:
            term = self.bits_of(value) if not format else value.term
            if format and not value.format:
                return self.float_of(term, format, vector)
            return Value(term, format, bits, base[0] != "u", vector)
        term = value.term
        if format and not value.format:
            kind = "FP_TO_FP_FROM_SBV" if value.signed else "FP_TO_FP_FROM_UBV"
            term = self.make(kind, self.nearest, term, indices=format)
        elif format and format != value.format:
            term = self.widened(value, format).term
        else:
            assert bool(format) == bool(value.format) and bits == value.bits, f"no way to {type}"
        return Value(term, format, bits, base[0] != "u", vector)

    def literal(self, number: int | float, like: Value) -> Value:
        if like.format:
            over, under = map(str, number.as_integer_ratio())
            sort = self.manager.mk_fp_sort(*like.format)
            term = self.manager.mk_fp_value(sort, self.nearest, over, under)
        else:
            term = self.integer(int(number), like.bits)
        return Value(term, like.format, like.bits, like.signed, like.vector)

    def widened(self, value: Value, format: tuple[int, int]) -> Value:
        term = self.make("FP_TO_FP_FROM_FP", self.nearest, value.term, indices=format)
        return Value(term, format, sum(format), vector=value.vector)

    def choose(self, condition: Any, yes: Number, no: Number) -> Number:
        if not isinstance(yes, Value) or not isinstance(no, Value):
            assert yes is None and no is None
            return None
        return Value(self.make("ITE", condition, yes.term, no.term), yes.format, yes.bits, yes.signed, yes.vector)

    def step(self, call: Call, node: Any) -> None:
        """Run a statement."""
        match node:
            case c_ast.Compound(block_items=items):
                for item in items or []:
                    self.step(call, item)
            case c_ast.DeclList(decls=items) | c_ast.ExprList(exprs=items):
                for item in items:
                    self.step(call, item)
            case c_ast.Decl(name=name, init=init):
                self.declare(call, node)
                call.values[name] = self.convert(self.value(call, init), call.types[name]) if init else None
            case c_ast.For(stmt=body):
                self.step(call, body)
            case c_ast.If(cond=condition, iftrue=body, iffalse=None):
                decided = self.value(call, condition)
                if isinstance(decided, Value):
                    assert isinstance(body, c_ast.Return), "only what returns is followed where it depends on numbers"
                    call.returned.append((self.truth(decided), self.value(call, body.expr)))
                elif decided:
                    self.step(call, body)
            case c_ast.Return(expr=expression):
                call.returned.append((None, self.value(call, expression)))
            case _:
                self.value(call, node)

    def place(self, node: Any) -> str:
        """The name of what an expression points at, or is the place of."""
        while not isinstance(node, c_ast.ID):
            node = (
                node.expr
                if isinstance(node, c_ast.UnaryOp)
                else node.left
                if "left" in node.attr_names
                else (node.name if isinstance(node, c_ast.ArrayRef) else node.left)
            )
        return str(node.name)

    def value(self, call: Call, node: Any) -> Number:
        match node:
            case c_ast.Constant(type=kind, value=text):
                text = self.code.constants.get(text, text)
                if "float" not in kind and "double" not in kind:
                    return int(text.rstrip("uUlL"), 0)
                text = text.rstrip("fF") if not text.startswith("0x") else text
                return float.fromhex(text) if text.startswith("0x") else float(text)
            case c_ast.ID(name=name):
                if name in ("INT64_MAX", "INT32_MAX"):
                    bits = sum(self.formats["double" if "64" in name else "float"])
                    return Value(self.integer((1 << bits - 1) - 1, bits), (), bits)
                return call.values.get(name)
            case c_ast.ArrayRef():
                found = call.values.get(self.place(node))
                return Value(found.term, found.format, found.bits, found.signed) if isinstance(found, Value) else found
            case c_ast.Cast(to_type=to, expr=expression):
                return self.convert(self.value(call, expression), to.type.type.names[-1], cast=True)
            case c_ast.CompoundLiteral(type=type, init=init):
                return self.convert(self.value(call, init.exprs[0]), type.type.type.names[-1])
            case c_ast.Assignment():
                return self.assign(call, node)
            case c_ast.ExprList(exprs=expressions):
                return [self.value(call, expression) for expression in expressions][-1]
            case c_ast.TernaryOp(cond=condition, iftrue=yes, iffalse=no):
                decided = self.value(call, condition)
                if not isinstance(decided, Value):
                    return self.value(call, yes if decided else no)
                return self.choose(self.truth(decided), self.value(call, yes), self.value(call, no))
            case c_ast.FuncCall(name=c_ast.ID(name=name), args=arguments):
                return self.call(call, name, arguments.exprs)
            case c_ast.UnaryOp(op=op, expr=expression):
                return self.unary(call, op, expression)
            case c_ast.BinaryOp(op=op, left=left, right=right):
                return self.binary(op, self.value(call, left), self.value(call, right))
        raise NotImplementedError(type(node))

    def assign(self, call: Call, node: Any) -> Number:
        name, value = self.place(node.lvalue), self.value(call, node.rvalue)
        if name in call.pointers and isinstance(node.lvalue, c_ast.ID):
            return None  # the pointer moves
        if node.op != "=":
            value = self.binary(node.op[:-1], call.values[name], value)
        call.values[name] = self.convert(value, call.types[name])
        return call.values[name]

    def call(self, call: Call, name: str, arguments: list[Any]) -> Number:
        if name == "memcpy":
            to, source = self.place(arguments[0]), call.values[self.place(arguments[1])]
            assert isinstance(source, Value)
            as_vectors = Value(source.term, source.format, source.bits, source.signed, True)
            call.values[to] = self.reinterpreted(as_vectors, call.types[to])
            return None
        given = [self.value(call, argument) for argument in arguments if not self.is_address(argument)]
        if name in ("__builtin_fma", "__builtin_fmaf"):
            return self.fused(*given)  # type: ignore[arg-type]
        if name in self.instead:
            return self.instead[name](*given)
        inner = self.run(name, *[None if self.is_address(node) else self.value(call, node) for node in arguments])
        for parameter, node in zip(self.code.functions[name].decl.type.args.params, arguments, strict=True):
            if self.is_address(node):
                call.values[self.place(node)] = inner.values[parameter.name]
        return self.result(inner)

    @staticmethod
    def is_address(node: Any) -> bool:
        return isinstance(node, c_ast.UnaryOp) and node.op == "&"

    def reinterpreted(self, value: Value, type: str) -> Value:
        """The same bits as another type."""
        base = self.code.base.get(type, type)
        format = self.formats.get(base, ())
        bits = self.bits_of(value)
        return self.float_of(bits, format) if format else Value(bits, (), value.bits, base[0] != "u")

    def unary(self, call: Call, op: str, node: Any) -> Number:
        if op == "sizeof":
            name = node.type.type.names[-1] if isinstance(node, c_ast.Typename) else call.types[self.place(node)]
            base = self.code.base.get(name, name)
            return 4 if SAME_SIZE.get(base, base) == "float" else 8
        if op == "*":
            return call.values[self.place(node)]
        value = self.value(call, node)
        if not isinstance(value, Value):
            return {"-": lambda x: -x, "!": lambda x: not x, "+": lambda x: x}[op](value)
        if op == "!":
            return Value(self.make("NOT", self.truth(value)))
        kind = {"-": "FP_NEG" if value.format else "BV_NEG", "~": "BV_NOT"}[op]
        return Value(self.make(kind, value.term), value.format, value.bits, value.signed, value.vector)

    def binary(self, op: str, left: Number, right: Number) -> Number:
        if left is None or right is None:
            return None
        if not isinstance(left, Value) and not isinstance(right, Value):
            return eval(f"{left!r} {op} {right!r}")
        like = left if isinstance(left, Value) else right
        assert isinstance(like, Value)
        a, b = [value if isinstance(value, Value) else self.literal(value, like) for value in (left, right)]
        if a.format and b.format and a.format != b.format:
            a, b = [self.widened(value, max(a.format, b.format)) for value in (a, b)]
        if op == "!=":
            return self.binary("==", self.binary("==", left, right), 0)
        if op in RELATIONS:
            return self.compare(op, a, b)
        if a.format:
            term = self.make(f"FP_{OF_FLOATS[op]}", self.nearest, a.term, b.term)
        elif op == ">>":
            term = self.make("BV_ASHR" if a.signed else "BV_SHR", a.term, b.term)
        else:
            term = self.make(f"BV_{OF_INTEGERS[op]}", a.term, b.term)
        return Value(term, a.format, a.bits, a.signed and b.signed, a.vector or b.vector)

    def compare(self, op: str, a: Value, b: Value) -> Value:
        """A truth; of vectors all bits set where it is one."""
        if a.format or op == "==":
            truth = self.make(("FP_" if a.format else "") + RELATIONS[op], a.term, b.term)
        else:
            truth = self.make("BV_" + (SIGNED[op] if a.signed else SIGNED[op].replace("S", "U")), a.term, b.term)
        if not a.vector and not b.vector:
            return Value(truth)
        mask = self.make("ITE", truth, self.integer(-1, a.bits), self.integer(0, a.bits))
        return Value(mask, (), a.bits, True, True)
