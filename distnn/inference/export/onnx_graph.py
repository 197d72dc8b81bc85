"""ONNX, with the oldest opset that can say it: 7, from 2017, or 9 where gaps are filled in or words are inputs.

Columns that have names are inputs of these names, each rows × 1; a table without names is one input, rows × columns.
Standardisation is float64, the network of the model's dtype, the outputs float64 again.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from distnn.errors import missing_package
from distnn.inference.export.formula import Column, Formula
from distnn.inference.export.text import about

OPSET, WITH_GAPS, WORDS = 7, 9, 1  # the last one: of ai.onnx.ml
IR = 4  # the first version whose initializers need not be inputs
THETAS = {"tanh": "Tanh", "logistic": "Sigmoid", "relu": "Relu"}  # the others take more than a name


def files(formula: Formula, name: str) -> dict[str, bytes]:
    """The model by its ending. Local. UserError without the package onnx."""
    try:
        import onnx
    except ImportError:
        raise missing_package("onnx", "onnx", "--to onnx") from None
    return {".onnx": _Graph(onnx, formula).model(name)}


class _Graph:
    """Nodes, initializers, inputs and outputs of a graph, collected one after another."""

    def __init__(self, onnx: Any, formula: Formula):
        self.onnx, self.formula = onnx, formula
        self.dtype = np.dtype(formula.dtype)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.opset, self.words = OPSET, False
        self.prefix = "_"  # of names that no column has
        while any(name.startswith(self.prefix) for name in (*formula.inputs, *formula.outputs)):
            self.prefix += "_"

    def model(self, name: str) -> bytes:
        """The whole model."""
        onnx, formula = self.onnx, self.formula
        self._outputs(self._network(self._standardised(self._columns())))
        text = "\n".join(about(formula))
        name = name.encode(errors="replace").decode()  # a file's name may be no UTF-8
        graph = onnx.helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants, doc_string=text)
        sets = [onnx.helper.make_opsetid("", self.opset)]
        if self.words:
            sets.append(onnx.helper.make_opsetid("ai.onnx.ml", WORDS))
        model = onnx.helper.make_model(
            graph, opset_imports=sets, ir_version=IR, producer_name="distnn", doc_string=text
        )
        known = {
            "fingerprint": formula.fingerprint,
            "inputs": json.dumps(formula.inputs),
            "outputs": json.dumps(formula.outputs),
            "classes": json.dumps(formula.classes),
        }
        onnx.helper.set_model_props(model, known)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)

    def _columns(self) -> str:
        """The inputs of the network as they stand in the table, rows × d^(0)."""
        columns, types = self.formula.columns, self.onnx.TensorProto
        if self.formula.plain and all(column.name.isdigit() for column in columns):
            return self._input("inputs", types.DOUBLE, len(columns))
        made = []
        for column in columns:
            type_ = types.STRING if column.kind == "words" else types.DOUBLE
            made += self._encoded(self._input(column.name, type_, 1), column)
        return made[0] if len(made) == 1 else self._node("Concat", *made, axis=1)

    def _encoded(self, value: str, column: Column) -> list[str]:
        """What is made of a column, each rows × some."""
        types = self.onnx.TensorProto
        if column.kind == "words":
            self.words = True
            found = []
            if column.categories:
                hot = self._node("OneHotEncoder", value, domain="ai.onnx.ml", cats_strings=column.categories, zeros=1)
                shape = self._constant(np.array([0, len(column.categories)], np.int64))
                found.append(self._node("Cast", self._node("Reshape", hot, shape), to=types.DOUBLE))
            if column.indicator:
                gaps = self._node("OneHotEncoder", value, domain="ai.onnx.ml", cats_strings=[""], zeros=1)
                shape = self._constant(np.array([0, 1], np.int64))
                found.append(self._node("Cast", self._node("Reshape", gaps, shape), to=types.DOUBLE))
            return found
        found = [value]
        if column.fill is not None:
            self.opset = WITH_GAPS
            gaps = self._node("IsNaN", value)
            found = [self._node("Where", gaps, self._constant(np.float64(column.fill)), value)]
            if column.indicator:
                found.append(self._node("Cast", gaps, to=types.DOUBLE))
        if column.transform is not None:
            found[0] = self._node("Log", found[0]) if column.transform == "log" else self._log1p(found[0])
        return found

    def _log1p(self, x: str) -> str:
        """log(1 + x) as log u + (x - (u - 1)) / u: u is 1 + x, rounded, and what that lost is added to first order."""
        one = self._constant(np.float64(1))
        u = self._node("Add", x, one)
        lost = self._node("Sub", x, self._node("Sub", u, one))
        return self._node("Add", self._node("Log", u), self._node("Div", lost, u))

    def _expm1(self, y: str) -> str:
        """e^y - 1 as (e^y + 1) tanh(y / 2), which keeps its digits near 0."""
        more = self._node("Add", self._node("Exp", y), self._constant(np.float64(1)))
        return self._node("Mul", more, self._node("Tanh", self._node("Mul", y, self._constant(np.float64(0.5)))))

    def _standardised(self, x: str) -> str:
        """x^(0) of the network's dtype. The shift is taken off in float64, which keeps the digits of large values."""
        by = self.formula.standardise
        x = self._node("Add", x, self._node("Sub", x, x))  # NaN for what is infinite, the logarithm of 0 too
        if by.shift.any():
            x = self._node("Sub", x, self._constant(by.shift))
        x = self._as(self.dtype, x)
        if by.mean.any():
            x = self._node("Sub", x, self._constant(by.mean.astype(self.dtype)))
        return x if (by.divisor == 1).all() else self._node("Div", x, self._constant(by.divisor.astype(self.dtype)))

    def _network(self, x: str) -> str:
        for layer in self.formula.layers:
            x = self._node("MatMul", x, self._constant(layer.W.astype(self.dtype)))
            x = self._theta(layer.theta, self._node("Add", x, self._constant(layer.b.astype(self.dtype))))
        return x

    def _theta(self, theta: str, s: str) -> str:
        if theta == "identity":
            return s
        if theta == "softmax":
            return self._node("Softmax", s, axis=1)
        if theta == "sign":
            low = self._as(self.dtype, self._node("Less", s, self._constant(self.dtype.type(0))))
            return self._node("Sub", self._constant(self.dtype.type(1)), self._node("Add", low, low))
        return self._node(THETAS[theta], s)

    def _known(self, x: str) -> str:
        """1 where none of the outputs is NaN, else 0: int64 (rows,). Opset 7 has no better way to ask."""
        total = self._node("ReduceSum", x, axes=[1], keepdims=0)
        below = self._node("Less", self._node("Sub", total, total), self._constant(self.dtype.type(1)))
        return self._node("Cast", below, to=self.onnx.TensorProto.INT64)

    def _outputs(self, x: str) -> None:
        """Outputs of the names of the targets, each rows × 1; of a classifier `class`, and all outputs together."""
        formula, types = self.formula, self.onnx.TensorProto
        m = len(formula.outputs)
        y = self._as(np.dtype(np.float64), x)
        if formula.undo is None:
            classes = self._constant(np.array([*formula.classes, ""], object))
            if formula.threshold is not None:
                above = self._node("Greater", x, self._constant(self.dtype.type(formula.threshold)))
                code = self._node("Cast", above, to=types.INT64)
                code = self._node("Reshape", code, self._constant(np.array([-1], np.int64)))
            else:
                code = self._node("ArgMax", x, axis=1, keepdims=0)
            known = self._known(x)  # 0 where an output is NaN: then the class is ""
            none = self._constant(np.array(len(formula.classes)))
            code = self._node("Add", none, self._node("Mul", known, self._node("Sub", code, none)))
            self._output("class", self._node("Gather", classes, code, axis=0), types.STRING, None)
            self._output("outputs", y, types.DOUBLE, m)
            return
        y = self._node("Mul", y, self._constant(formula.undo.divisor))
        y = self._node(
            "Add", self._node("Add", y, self._constant(formula.undo.mean)), self._constant(formula.undo.shift)
        )
        if all(name.isdigit() for name in formula.outputs) and not any(formula.transforms):
            self._output("outputs", y, types.DOUBLE, m)
            return
        for k, (name, transform) in enumerate(zip(formula.outputs, formula.transforms, strict=True)):
            one = y if m == 1 else self._node("Slice", y, axes=[1], starts=[k], ends=[k + 1])
            if transform is not None:
                one = self._node("Exp", one) if transform == "log" else self._expm1(one)
            self._output(name, one, types.DOUBLE, 1)

    def _as(self, dtype: np.dtype, value: str) -> str:
        return self._node("Cast", value, to=self.onnx.helper.np_dtype_to_tensor_dtype(dtype))

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        out = f"{self.prefix}{len(self.nodes)}_{kind}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [out], **attributes))
        return out

    def _constant(self, values: np.ndarray | np.generic) -> str:
        name = f"{self.prefix}c{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def _input(self, name: str, type_: int, width: int) -> str:
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, type_, ["rows", width]))
        return name

    def _output(self, name: str, value: str, type_: int, width: int | None) -> None:
        """An output of this name; where an input has it, too, it is called "predicted …"."""
        while name in {known.name for known in (*self.inputs, *self.outputs)}:
            name = f"predicted {name}"
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        shape: list[Any] = ["rows"] if width is None else ["rows", width]
        self.outputs.append(self.onnx.helper.make_tensor_value_info(name, type_, shape))
