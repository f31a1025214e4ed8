"""What is said of PyTorch's layers and of PyTorch's and JAX's initializers, against the installed ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firstdraw.arrays import Floats
from firstdraw.distributions import Distribution
from firstdraw.frameworks import COUNTERPARTS, LAYERS
from firstdraw.frameworks.laws import RoleLaw
from firstdraw.roles import bias_role, weight_role

pytestmark = pytest.mark.parity
SHAPE = (300, 100, 3, 3)


def _follows(drawn: Floats, law: Distribution) -> None:
    """Compare a sample with a law: mean and variance to six standard errors, and the ends of the support."""
    lowest, highest = law.support
    if lowest == highest:
        assert (drawn == lowest).all()
        return
    n, variance = drawn.size, law.variance
    assert abs(drawn.mean() - law.mean) <= 6 * np.sqrt(variance / n)
    # The kurtosis is at most the Gaussian's.
    assert abs(drawn.var() / variance - 1) <= 6 * np.sqrt(2 / n)
    # To the rounding of float32.
    assert drawn.min() >= lowest - 1e-6 * abs(lowest)
    assert drawn.max() <= highest + 1e-6 * abs(highest)
    # A law without ends passes 3.5 standard deviations in ten thousand draws; one with ends comes near to them.
    assert drawn.max() >= (3.5 * np.sqrt(variance) if np.isinf(highest) else lowest + 0.98 * (highest - lowest))


def _calls(framework: str) -> list[Any]:
    return [
        pytest.param(item.call, item.law, id=item.call)
        for items in COUNTERPARTS.values()
        for item in items
        if item.framework == framework and item.law is not None and ".nn.Linear" not in item.call
    ]


@pytest.mark.parametrize(("call", "law"), _calls("PyTorch"))
def test_pytorch_s_initializers_draw_what_is_said(call: str, law: RoleLaw) -> None:
    import torch

    torch.manual_seed(1)
    w = torch.empty(SHAPE)
    eval(call, {"torch": torch, "w": w})  # noqa: S307
    _follows(w.numpy().astype(np.float64), law(weight_role(SHAPE, operation="convolution")))


@pytest.mark.parametrize(("call", "law"), _calls("JAX"))
def test_jax_s_initializers_draw_what_is_said(call: str, law: RoleLaw) -> None:
    jax = pytest.importorskip("jax")

    # The same layer in JAX's order of axes.
    shape = (3, 3, 100, 300)
    drawn = eval(call, {"jax": jax})(jax.random.key(1), shape)  # noqa: S307
    _follows(np.asarray(drawn, np.float64), law(weight_role(shape, operation="convolution", order="jax")))


# How each layer is made with the weight of its example, and what its weight and biases are called.
MADE = {
    "torch.nn.Linear": ((256, 256), {}, "weight", ["bias"]),
    "torch.nn.Conv1d": ((128, 256, 3), {}, "weight", ["bias"]),
    "torch.nn.Conv2d": ((128, 256, 3), {}, "weight", ["bias"]),
    "torch.nn.Conv3d": ((32, 64, 3), {}, "weight", ["bias"]),
    "torch.nn.ConvTranspose2d": ((128, 256, 3), {}, "weight", ["bias"]),
    "torch.nn.Embedding": ((10_000, 256), {}, "weight", []),
    "torch.nn.MultiheadAttention": ((256, 4), {}, "in_proj_weight", ["in_proj_bias"]),
    "torch.nn.LSTM": ((256, 256), {}, "weight_hh_l0", ["bias_ih_l0", "bias_hh_l0"]),
    "torch.nn.GRU": ((256, 256), {}, "weight_ih_l0", ["bias_ih_l0", "bias_hh_l0"]),
    "torch.nn.RNN": ((256, 256), {}, "weight_hh_l0", ["bias_ih_l0", "bias_hh_l0"]),
}


@pytest.mark.parametrize("name", [name for name in LAYERS if name.startswith("torch.")])
def test_pytorch_s_layers_hold_what_is_said(name: str) -> None:
    import torch

    torch.manual_seed(2)
    arguments, options, weight, biases = MADE[name]
    layer = LAYERS[name]
    made = getattr(torch.nn, name.rpartition(".")[2])(*arguments, **options)
    held = made.get_parameter(weight).detach().numpy().astype(np.float64)
    assert held.shape == layer.example
    role = weight_role(layer.example, operation=layer.operation, parts=layer.parts)
    _follows(held, layer.weight(role))
    assert bool(biases) == (layer.bias is not None)
    for bias in biases:
        assert layer.bias is not None
        drawn, law = made.get_parameter(bias).detach().numpy().astype(np.float64), layer.bias(bias_role(role))
        # Too few for moments: inside the ends, and more than half of the way to them.
        assert abs(drawn).max() <= law.support[1] * (1 + 1e-6)
        assert abs(drawn).max() >= law.support[1] / 2
