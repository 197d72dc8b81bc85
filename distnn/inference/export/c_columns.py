"""C for what is made of columns that are not inputs as they stand, and for outputs that are transformed."""

from __future__ import annotations

from distnn.inference.export.formula import Column, Formula

WORD = """
/* z[k] = 1 for the word of this number, else 0; none for a missing one, NaN. NaN for what is no number of a word. */
static void encode_word(double number, int words, int missing, double *z)
{
    for (int k = 0; k < words; k++)
        z[k] = number == k;
    if (!(number >= 0 && number < words && number == floor(number)) && !(missing && isnan(number)))
        z[0] = NAN;
}
"""
LOOK_UP = """
int @MODEL@_word(int input, const char *word)
{
    switch (input) {
%s
    }
    return -1;
}
"""
FORWARD = {"log": "({0} > 0 ? log({0}) : NAN)", "log1p": "({0} > -1 ? log1p({0}) : NAN)"}
INVERSE = {"log": "exp({})", "log1p": "expm1({})"}


def encoded(formula: Formula) -> str:
    """Functions that make the inputs z of the network of the columns x, and of derivatives by z those by x."""
    inputs, slopes, first = [], [], 0
    for j, column in enumerate(formula.columns):
        inputs += _inputs(column, j, first)
        if column.kind == "words":
            slopes.append(f"    dydx[{j}] = NAN; /* words */")
        elif column.transform is None:
            slopes.append(f"    dydx[{j}] = v[{first}];")
        else:
            slopes.append(f"    dydx[{j}] = v[{first}] / {_denominator(column, _filled(column, j))};")
        first += column.width
    words = any(column.kind == "words" for column in formula.columns)
    code = ["static void encoded(const double *x, double *z)", "{", *inputs, "}", ""]
    if formula.differentiable:
        unused = ["    (void)x;"]
        code += [
            "static void by_columns(const double *x, const double *v, double *dydx)",
            "{",
            *unused,
            *slopes,
            "}",
            "",
        ]
    return (WORD if words else "") + "\n" + "\n".join(code)


def look_up(formula: Formula) -> str:
    """The function that gives the number of a word."""
    cases = []
    for j, column in enumerate(formula.columns):
        if column.kind == "words":
            cases.append(f"    case {j}:")
            cases.append(f"        for (int k = 0; k < {len(column.categories)}; k++)")
            cases.append(f"            if (strcmp(words_{j}[k], word) == 0)")
            cases.append("                return k;")
            cases.append("        break;")
    return LOOK_UP % "\n".join(cases)


def restored(formula: Formula) -> str:
    """Functions that take output k back through its transform, and give the derivative of that, y being the output."""
    known = [(k, name) for k, name in enumerate(formula.transforms) if name is not None]
    values = [f"    case {k}: return {INVERSE[name].format('value')};" for k, name in known]
    slopes = [f"    case {k}: return y{' + 1' if name == 'log1p' else ''};" for k, name in known]
    code = ["", "static double restored(int k, double value)", "{", "    switch (k) {", *values, "    }"]
    code += ["    return value;", "}", ""]
    if formula.differentiable:
        code += ["static double restored_slope(int k, double y)", "{", "    switch (k) {", *slopes, "    }"]
        code += ["    return 1;", "}", ""]
    return "\n".join(code)


def _inputs(column: Column, j: int, first: int) -> list[str]:
    if column.kind == "words":
        missing = int(column.fill is not None)
        made = [f"    encode_word(x[{j}], {len(column.categories)}, {missing}, z + {first});"]
    else:
        value = _filled(column, j)
        made = [f"    z[{first}] = {FORWARD[column.transform].format(value) if column.transform else value};"]
    if column.indicator:
        made.append(f"    z[{first + column.width - 1}] = isnan(x[{j}]) != 0;")
    return made


def _filled(column: Column, j: int) -> str:
    return f"x[{j}]" if column.fill is None else f"(isnan(x[{j}]) ? {float(column.fill)!r} : x[{j}])"


def _denominator(column: Column, value: str) -> str:
    return f"(1 + {value})" if column.transform == "log1p" else value
