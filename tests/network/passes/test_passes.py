"""Which passes a network gets."""

from __future__ import annotations

import pytest
from availability import use_instructions

from distnn.errors import UserError
from distnn.kernels import library
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.network.passes.fused import Fused
from distnn.network.passes.layerwise import Layerwise
from distnn.network.passes.tiled import Tiled


@pytest.mark.parametrize(
    ("d", "theta", "passes"),
    [
        ((30, 30, 1), "tanh", Fused),
        ((64, 64, 10), "tanh", Fused),
        ((1, 1, 1), "tanh", Fused),
        ((65, 16, 1), "tanh", Tiled),
        ((784, 256, 10), "tanh", Tiled),
        ((3, 16, 200), "tanh", Tiled),
        ((30, 30, 1), "relu", Fused),
        ((784, 16, 10), "logistic", Tiled),
        ((30, 30, 1), "sign", Layerwise),
        ((4, 1), "tanh", Layerwise),
    ],
    ids=str,
)
def test_the_passes_of_a_network(d: tuple[int, ...], theta: str, passes: type) -> None:
    made = Backpropagation(Network(d, theta), "squared").passes
    assert isinstance(made, passes if library.available() else Layerwise)


def test_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network((3, 2, 1))
    for value in ("off", *library.available()):
        use_instructions(value, monkeypatch)
        passes = Backpropagation(network, "squared").passes
        assert isinstance(passes, Layerwise if value == "off" else Fused)
        assert (library.compiler() == "none") == (value == "off")
    everything = "neon" if library.ARM64 else "portable, avx2, avx512"
    use_instructions("fast", monkeypatch)
    with pytest.raises(UserError, match=f"DISTNN_FUSED is 'fast'; it should be one of: off, {everything}"):
        Backpropagation(network, "squared")
    monkeypatch.setattr(library, "available", lambda: ())
    use_instructions(library.SETS[0], monkeypatch)
    with pytest.raises(UserError, match="this CPU does not have"):
        Backpropagation(network, "squared")
    use_instructions(None, monkeypatch)
    with pytest.raises(UserError, match=r"this CPU has none of the instructions.*DISTNN_FUSED=off"):
        Backpropagation(network, "squared")
