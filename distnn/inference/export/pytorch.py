"""PyTorch: a state_dict in a safetensors file, and a Python file with the Sequential that it belongs to.

Before and after the linear layers of the Sequential are the standardisation and its inverse, with their numbers in the
state_dict: so all of it is one module, which may be trained on. `--start` reads such a file. Words, gaps and transforms
are modules without numbers at either end.
"""

from __future__ import annotations

import json

import numpy as np
from safetensors.numpy import save

from distnn.inference.export.formula import Formula
from distnn.inference.export.python_source import shared
from distnn.inference.export.text import commented, identifier

THETAS = {"tanh": "nn.Tanh()", "logistic": "nn.Sigmoid()", "relu": "nn.ReLU()", "identity": "nn.Identity()"}
THETAS |= {"softmax": "nn.Softmax(dim=-1)", "sign": "Sign()"}
CODE = '''\
{about}
#
# from {module} import load
# y = load()(x), for x of shape rows x {inputs}, float64 or of what the model was trained in, {dtype}{coded}

from pathlib import Path

{numpy}import torch
from safetensors.torch import load_file
from torch import nn

{shared}class Standardise(nn.Module):
    """(x - shift - mean) / divisor; the shift is taken off in float64, which keeps the digits of large values."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("shift", torch.zeros(width, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(width, dtype=torch.{dtype}))
        self.register_buffer("divisor", torch.ones(width, dtype=torch.{dtype}))

    def forward(self, x):
        x = x + (x - x)  # NaN for infinite inputs: activations would make numbers of them
        return ((x - self.shift).to(self.mean.dtype) - self.mean) / self.divisor


class Undo(nn.Module):
    """The inverse, of outputs, in float64."""

    def __init__(self, width):
        super().__init__()
        for name in ("shift", "mean", "divisor"):
            self.register_buffer(name, torch.zeros(width, dtype=torch.float64))

    def forward(self, y):
        return y * self.divisor + self.mean + self.shift

{more}
def network():
    """The network, with weights that are still to be loaded."""
    return nn.Sequential(
{modules}
    )


def load(path=Path(__file__).with_name({file})):
    """The model. path: of the state_dict."""
    model = network()
    model.load_state_dict(load_file(path))
    return model.eval()
'''
SIGN = """
class Sign(nn.Module):
    def forward(self, s):
        return torch.where(s >= 0, 1.0, -1.0).to(s.dtype)

"""
ENCODE = '''
class Encode(nn.Module):
    """Columns of the table become inputs of the network."""

    def forward(self, x):
        return encoded(x.to(torch.float64))

'''
RESTORE = '''
class Restore(nn.Module):
    """Outputs without their transforms."""

    def forward(self, y):
        return restored(y)

'''


def files(formula: Formula, name: str) -> dict[str, bytes]:
    """The code and the state_dict, by their endings. Local."""
    d, dtype, signs = formula.d, np.dtype(formula.dtype), any(layer.theta == "sign" for layer in formula.layers)
    modules = ["Encode()"] * (not formula.plain)
    first = len(modules)
    state = {f"{first}.{key}": values.astype(dtype) for key, values in vars(formula.standardise).items()}
    state[f"{first}.shift"] = formula.standardise.shift
    modules.append(f"Standardise({d[0]})")
    for below, above, layer in zip(d, d[1:], formula.layers, strict=False):
        state[f"{len(modules)}.weight"] = np.ascontiguousarray(layer.W.T, dtype)
        state[f"{len(modules)}.bias"] = layer.b.astype(dtype)
        modules += [f"nn.Linear({below}, {above}, dtype=torch.{dtype})", THETAS[layer.theta]]
    if formula.undo is not None:
        state |= {f"{len(modules)}.{key}": values for key, values in vars(formula.undo).items()}
        modules.append(f"Undo({d[-1]})")
    modules += ["Restore()"] * any(formula.transforms)
    code = CODE.format(
        about=commented(formula, "#"),
        module=f"{identifier(name)}_torch",
        file=json.dumps(f"{name}_torch.safetensors"),
        inputs=len(formula.columns),
        dtype=dtype,
        shared=shared(formula, "torch"),
        coded="" if formula.plain else "\n# torch.from_numpy(encode(rows)) makes such of rows with words",
        numpy="" if formula.plain else "import numpy as np\n",
        more=SIGN * signs + ENCODE * (not formula.plain) + RESTORE * any(formula.transforms),
        modules="\n".join(f"        {module}," for module in modules),
    )
    return {"_torch.py": code.encode(), "_torch.safetensors": save(state, {"fingerprint": formula.fingerprint})}
