"""What the Python files for PyTorch and JAX share: names, and what is made of columns, outputs and classes.

Both libraries call the functions that this needs alike; `module` is the name by which the file knows the library.
"""

from __future__ import annotations

from distnn.inference.export.formula import Formula

NAMES = """\
INPUTS = {inputs!r}
OUTPUTS = {outputs!r}
"""
COLUMNS = """\
# Of each input its kind; its words; what a missing value counts as, None where none may be missing, and of words any
# number where one may; whether one more input of the network says that the value is missing; and its transform.
COLUMNS = (
{columns})
ABOVE = {{"log": 0, "log1p": -1}}  # what numbers have to be above for a transform


def encode(rows):
    \"\"\"Rows as they stand in the table, with words, and None or "" where a value is missing, as numbers, for x.\"\"\"
    numbers = np.full((len(rows), len(COLUMNS)), np.nan)
    for i, row in enumerate(rows):
        for j, (value, name, (kind, words, *_)) in enumerate(zip(row, INPUTS, COLUMNS, strict=True)):
            if value is None or value == "" or value != value:
                continue
            if kind == "words" and value not in words:
                raise ValueError(f"row {{i}}: {{name}} is {{value!r}}, which is none of {{', '.join(words)}}")
            numbers[i, j] = words.index(value) if kind == "words" else value
    return numbers


def encoded(x):
    \"\"\"What the network takes, for inputs x, float64: NaN where a value is missing, and words by their places.\"\"\"
    made = []
    for j, (kind, words, fill, says_missing, transform) in enumerate(COLUMNS):
        value = x[..., j]
        missing, one, zero = {module}.isnan(value), {module}.ones_like(value), {module}.zeros_like(value)
        gap = {module}.where(missing, one, zero)
        if kind == "words":
            hot = [{module}.where(value == place, one, zero) for place in range(len(words))]
            known = sum(hot, zero) if fill is None else sum(hot, gap)
            made += [{module}.where(known > 0, own, zero * np.nan) for own in hot]
        else:
            value = value if fill is None else {module}.where(missing, fill * one, value)
            if transform:
                value = {module}.where(value > ABOVE[transform], value, zero * np.nan)
                value = {{"log": {module}.log, "log1p": {module}.log1p}}[transform](value)
            made.append(value)
        if says_missing:
            made.append(gap)
    return {module}.stack(made, -1)
"""
TRANSFORMS = """\
TRANSFORMS = {transforms!r}  # of each output


def restored(y):
    \"\"\"The outputs without their transforms, float64.\"\"\"
    undo = {{"log": {module}.exp, "log1p": {module}.expm1, None: lambda y: y}}
    return {module}.stack([undo[transform](y[..., k]) for k, transform in enumerate(TRANSFORMS)], -1)
"""
CLASSES = """\
CLASSES = {classes!r}


def class_places(y):
    \"\"\"The places in CLASSES of the classes that are predicted where the outputs are y.\"\"\"
    return {places}
"""


def shared(formula: Formula, module: str) -> str:
    """The names, `encode` and `encoded` where columns are not inputs as they stand, `restored` where outputs are
    transformed, and `class_places` of classifiers; as text, with two empty lines at its end."""
    parts = [NAMES.format(inputs=formula.inputs, outputs=formula.outputs)]
    if not formula.plain:
        rows = [(c.kind, c.categories, c.fill, c.indicator, c.transform) for c in formula.columns]
        parts.append(COLUMNS.format(columns="".join(f"    {row!r},\n" for row in rows), module=module))
    if any(formula.transforms):
        parts.append(TRANSFORMS.format(transforms=formula.transforms, module=module))
    if formula.classes:
        places = f"{module}.argmax(y, -1)"
        if formula.threshold is not None:
            places = f"{module}.where(y[..., 0] > {formula.threshold!r}, 1, 0)"
        parts.append(CLASSES.format(classes=formula.classes, places=places))
    return "\n\n".join(parts) + "\n\n"
