"""C99: a header and a source file, which need nothing but libm, allocate nothing, and may run in any number of threads.

All is double, whatever the model was trained in. Rows go through the network sixteen at a time, which a compiler turns
into vectors; tanh is of our own for the same reason, as in kernels/csrc/passes.h, and is off by 3 ulp at most.
"""

from __future__ import annotations

import numpy as np

from distnn.errors import UserError
from distnn.inference.export.c_columns import encoded, look_up, restored
from distnn.inference.export.c_source import BATCHED, DERIVATIVES, LAYERS, SINGLE, TANH, THETAS
from distnn.inference.export.formula import Formula, Layer
from distnn.inference.export.text import about, identifier, lines, numbers

ROWS = 16  # at a time, as in c_source.py
PADDED = 8  # widths of layers, as there


def files(formula: Formula, name: str) -> dict[str, bytes]:
    """The header and the source, by their endings. name: of the files. Local. UserError for one that #include lacks."""
    if any(letter in '"\\' or letter < " " for letter in name):
        raise UserError(f"--out {name!r}: C includes no file of such a name: leave out its quotes and backslashes.")
    texts = {".h": _header(formula, name), ".c": _source(formula, name)}
    return {ending: text.encode(errors="surrogateescape") for ending, text in texts.items()}


def _header(formula: Formula, name: str) -> str:
    f, F = identifier(name), identifier(name).upper()
    units = 8 * (2 * ROWS * _widest(formula) + sum(map(padded, formula.d)))
    optional = [
        f"#define {F}_CLASSES {len(formula.classes)}",
        f"extern const char *const {f}_class_names[{F}_CLASSES];",
        "/* The number of the class that the outputs y say: its place among the names; -1 if one is NaN. */",
        f"int {f}_class(const double *y);",
    ]
    words = [
        "/* The number of a word of an input, to stand for it in x; -1 if there is none. A missing word is NaN. */",
        f"int {f}_word(int input, const char *word);",
        "",
    ]
    if not formula.differentiable:
        derivatives = ["/* This network has no derivatives: its activation is the sign. */"]
    else:
        derivatives = [
            "/* The same, and the derivatives: dydx[k * INPUTS + i] is that of output k by input i, in their units. */",
            f"double {f}_derivatives(const double *x, double *y, double *dydx);",
        ]
    return _joined(
        [
            "/*",
            *(f"   {line}".rstrip() for line in _comment(about(formula))),
            "",
            "   Compile it without -ffast-math, link libm. Nothing is allocated; any threads may call it at once; of",
            f"   the stack it takes some {units / 1000:.0f} kB. For inputs that are not numbers it gives NaN.",
            "*/",
            f"#ifndef {F}_H",
            f"#define {F}_H",
            "",
            "#include <stddef.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            f"#define {F}_INPUTS {len(formula.inputs)}",
            f"#define {F}_OUTPUTS {len(formula.outputs)}",
            f"extern const char *const {f}_input_names[{F}_INPUTS];",
            f"extern const char *const {f}_output_names[{F}_OUTPUTS];",
            f"extern const char {f}_fingerprint[]; /* of the model */",
            "",
            "/* The outputs y[OUTPUTS] for the inputs x[INPUTS]; returns the first one. y may be NULL. */",
            f"double {f}_evaluate(const double *x, double *y);",
            "",
            "/* The same for many rows: x[row * INPUTS + i], y[row * OUTPUTS + k]. Faster; last digits may differ. */",
            f"void {f}_evaluate_rows(size_t rows, const double *x, double *y);",
            "",
            *derivatives,
            "",
            *(words if formula.words else []),
            *(optional if formula.classes else []),
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
        ]
    )


def _source(formula: Formula, name: str) -> str:
    f = identifier(name)
    hidden, output = formula.layers[0].theta if len(formula.layers) > 1 else "identity", formula.layers[-1].theta
    used = {hidden, output}
    text = "\n".join(
        [
            f"/* See {name}.h. */",
            f'#include "{name}.h"',
            "",
            "#include <math.h>",
            "#include <stdint.h>",
            "#include <string.h>",
            "",
            "#ifdef __FAST_MATH__",
            "#error compile this file without -ffast-math",
            "#endif",
            "",
            *_names(f"{f}_input_names", formula.inputs),
            *_names(f"{f}_output_names", formula.outputs),
            *(_names(f"{f}_class_names", formula.classes) if formula.classes else ()),
            *(line for j, column in formula.words for line in _names(f"words_{j}", column.categories, "static ")),
            f'const char {f}_fingerprint[] = "{formula.fingerprint}";',
            "",
            f"enum {{ INPUTS = {len(formula.inputs)}, FEATURES = {formula.d[0]}, OUTPUTS = {len(formula.outputs)}, "
            f"LAYERS = {len(formula.layers)}, WIDEST = {_widest(formula)}, UNITS = {sum(map(padded, formula.d))} }};",
            "",
            "/* Layers of weights are padded with zeros to a multiple of 8 columns; their first row is the bias. */",
            *_array("static const double shift[FEATURES]", formula.standardise.shift),
            *_array("static const double mean[FEATURES]", formula.standardise.mean),
            *_array("static const double divisor[FEATURES]", formula.standardise.divisor),
            *(line for number, layer in enumerate(formula.layers, 1) for line in _weights(number, layer)),
            f"static const double *const W[LAYERS] = {{{', '.join(f'W{l + 1}' for l in range(len(formula.layers)))}}};",
            f"static const int d[LAYERS + 1] = {{{', '.join(map(str, formula.d))}}};",
            *_undo(formula),
            "",
        ]
    )
    parts = [LAYERS]
    if used & {"tanh", "logistic"}:
        parts.append(TANH)
    parts += [THETAS[theta].c for theta in sorted(used)]
    if not formula.plain:
        parts.append(encoded(formula))
    if any(formula.transforms):
        parts.append(restored(formula))
    parts += [SINGLE, BATCHED]
    if formula.differentiable:
        parts.append(DERIVATIVES)
    if formula.classes:
        parts.append(_class(formula))
    if formula.words:
        parts.append(look_up(formula))
    undo = "x[k * stride]" + (" * factor[k] + offset_mean[k] + offset_shift[k]" if formula.undo else "")
    scale = "* factor[k]" if formula.undo else ""
    code = "\n".join(parts)
    for word, meaning in (
        ("MODEL", f),
        ("HIDDEN_SLOPE", THETAS[hidden].slope),
        ("OUTPUT_SLOPE", THETAS[output].slope),
        ("HIDDEN", f"theta_{hidden}"),
        ("OUTPUT_THETA", f"theta_{output}"),
        ("ENCODE", "const double *const z = x;" if formula.plain else "double z[FEATURES];\n    encoded(x, z);"),
        ("RESTORED", f"restored(k, {undo})" if any(formula.transforms) else undo),
        ("SCALE", f"{scale} * restored_slope(k, all[k])" if any(formula.transforms) else scale),
        ("INTO", "dydx[k * INPUTS + i]" if formula.plain else "above[i]"),
        ("BY_COLUMNS", "" if formula.plain else "\n        by_columns(x, above, dydx + k * INPUTS);"),
    ):
        code = code.replace(f"@{word}@", meaning)
    return text + code


def _undo(formula: Formula) -> list[str]:
    if formula.undo is None:
        return []
    return [
        *_array("static const double factor[OUTPUTS]", formula.undo.divisor),
        *_array("static const double offset_mean[OUTPUTS]", formula.undo.mean),
        *_array("static const double offset_shift[OUTPUTS]", formula.undo.shift),
    ]


def _class(formula: Formula) -> str:
    if formula.threshold is not None:
        body = [f"    return isnan(y[0]) ? -1 : y[0] > {formula.threshold!r};"]
    else:
        body = [
            "    int best = 0;",
            "    for (int k = 0; k < OUTPUTS; k++) {",
            "        if (isnan(y[k]))",
            "            return -1;",
            "        if (y[k] > y[best])",
            "            best = k;",
            "    }",
            "    return best;",
        ]
    return _joined(["int @MODEL@_class(const double *y)", "{", *body, "}"])


def _weights(number: int, layer: Layer) -> list[str]:
    rows = np.vstack([layer.b, layer.W])
    wide = np.zeros((len(rows), padded(len(layer.b))))
    wide[:, : rows.shape[1]] = rows
    return _array(f"static const double W{number}[{wide.size}]", wide)


def padded(width: int) -> int:
    """A multiple of PADDED that is no less."""
    return -(-width // PADDED) * PADDED


def _widest(formula: Formula) -> int:
    return padded(max(formula.d))


def _array(declaration: str, values: np.ndarray) -> list[str]:
    return [f"{declaration} = {{", *(f"    {line}" for line in lines(numbers(values))), "};"]


def _names(declared: str, names: tuple[str, ...], storage: str = "") -> list[str]:
    return [f"{storage}const char *const {declared}[] = {{", *(f"    {_quoted(name)}," for name in names), "};"]


def _quoted(text: str) -> str:
    """A literal of C; other bytes than letters and the like as octal numbers, three digits each."""
    plain = set(b" !#$%&'()*+,-./:;<=>@[]^_`{|}~")
    shown = (chr(b) if b in plain or (b < 128 and chr(b).isalnum()) else f"\\{b:03o}" for b in text.encode())
    return f'"{"".join(shown)}"'


def _comment(text: list[str]) -> list[str]:
    return [line.replace("*/", "* /").replace("/*", "/ *") for line in text]


def _joined(text: list[str]) -> str:
    return "\n".join(text) + "\n"
