"""The few things of PyTorch that exported code uses, in numpy, as PyTorch documents them.

torch itself comes with gigabytes for graphics cards; where it is installed, tests use it, too.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file


class Tensor(np.ndarray):
    """A numpy array with what torch.Tensor has and it lacks."""

    def to(self, dtype: Any) -> Tensor:
        return self.astype(dtype).view(Tensor)


class Module:
    """A module: parameters and buffers by name, and modules in it."""

    def __init__(self) -> None:
        self.__dict__["own"] = {}

    def register_buffer(self, name: str, value: Tensor) -> None:
        self.own[name] = value
        setattr(self, name, value)

    def state(self) -> dict[str, tuple[Module, str]]:
        return {name: (self, name) for name in self.own}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Strict, as torch's: the same names and shapes."""
        places = self.state()
        assert set(places) == set(state)
        for key, (module, name) in places.items():
            assert module.own[name].shape == state[key].shape, key
            assert module.own[name].dtype == state[key].dtype, key  # torch would round
            setattr(module, name, state[key].view(Tensor))

    def eval(self) -> Module:
        return self

    def __call__(self, x: Tensor) -> Tensor:
        return self.forward(x)

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class Linear(Module):
    """y = x Wᵀ + b; W: outputs × inputs."""

    def __init__(self, inputs: int, outputs: int, dtype: Any):
        super().__init__()
        self.register_buffer("weight", zeros(outputs, inputs, dtype=dtype))
        self.register_buffer("bias", zeros(outputs, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        assert x.dtype == self.weight.dtype  # torch refuses others
        return x @ self.weight.T + self.bias


class Sequential(Module):
    def __init__(self, *modules: Module):
        super().__init__()
        self.modules = modules

    def state(self) -> dict[str, tuple[Module, str]]:
        found = {}
        for place, module in enumerate(self.modules):
            found |= {f"{place}.{name}": where for name, where in module.state().items()}
        return found

    def forward(self, x: Tensor) -> Tensor:
        for module in self.modules:
            x = module(x)
        return x


def elementwise(function: Any) -> type[Module]:
    class Elementwise(Module):
        def forward(self, x: Tensor) -> Tensor:
            return function(x)

    return Elementwise


class Softmax(Module):
    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        e = np.exp(x - x.max(axis=self.dim, keepdims=True))
        return e / e.sum(axis=self.dim, keepdims=True)


def zeros(*shape: int, dtype: Any) -> Tensor:
    return np.zeros(shape, dtype).view(Tensor)


def ones(*shape: int, dtype: Any) -> Tensor:
    return np.ones(shape, dtype).view(Tensor)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `import torch` and `import safetensors.torch` give the stand-in."""
    torch, nn, safetensors = ModuleType("torch"), ModuleType("torch.nn"), ModuleType("safetensors.torch")
    nn.__dict__.update(Module=Module, Linear=Linear, Sequential=Sequential, Softmax=Softmax)
    nn.__dict__.update(
        Tanh=elementwise(np.tanh),
        Sigmoid=elementwise(lambda s: 0.5 * (1 + np.tanh(0.5 * s))),  # does not overflow
        ReLU=elementwise(lambda s: np.maximum(s, 0)),
        Identity=elementwise(lambda s: s),
    )
    torch.__dict__.update(nn=nn, zeros=zeros, ones=ones, float32=np.float32, float64=np.float64)
    torch.__dict__.update(where=lambda condition, a, b: np.where(condition, a, b).view(Tensor))
    for name in ("isnan", "ones_like", "zeros_like", "exp", "expm1", "log", "log1p", "argmax", "stack"):
        setattr(torch, name, getattr(np, name))
    safetensors.__dict__.update(load_file=load_file)
    for module in (torch, nn, safetensors):
        monkeypatch.setitem(sys.modules, module.__name__, module)
